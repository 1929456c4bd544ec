#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int start(char **argv)
{
	closefrom(3);
	execvp(argv[0], argv);
	return -1;
}

int take_it(int listener)
{
	return accept(listener, NULL, NULL);
}
