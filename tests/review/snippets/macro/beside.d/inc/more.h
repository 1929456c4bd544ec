#pragma once
#include <unistd.h>
#define MY_SHUT(fd) ((fd) < 0 ? 0 : close(fd))
