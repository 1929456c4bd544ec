#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct wire {
	int fd;
	int spare;
};

struct caller {
	struct wire wire;
	char *name;
};

void caller_end(struct caller *c);
void caller_forget(struct caller *c);
