#ifndef COMMAND_H
#define COMMAND_H

#include <stddef.h>

struct command {
	const char *name;
	int (*run)(int fd);
};

extern const struct command command_serve;
int say(int fd, const char *text, size_t n);

#endif
