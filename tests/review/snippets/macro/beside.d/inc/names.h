#ifndef NAMES_H
#define NAMES_H
#include "inc/more.h"
#define fd_shut MY_SHUT
#define fd_none (-1)
#endif
