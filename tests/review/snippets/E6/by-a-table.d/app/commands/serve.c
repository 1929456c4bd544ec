#include "../command.h"
#include <signal.h>
#include <string.h>

static int serve(int fd)
{
	signal(SIGPIPE, SIG_IGN);
	return say(fd, "ready\n", strlen("ready\n"));
}

const struct command command_serve = {
	.name = "serve",
	.run = serve,
};
