#include "command.h"
#include <string.h>

static const struct command *const commands[] = { &command_serve };

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i]->name))
			return commands[i]->run(3);
	return !say(1, "which?\n", strlen("which?\n"));
}
