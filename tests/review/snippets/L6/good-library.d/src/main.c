#include <unistd.h>
int net_open(void);

/* main() is in a folder above: it is one program, and it starts no other. */
int main(void)
{
	int fd = net_open();

	if (fd >= 0)
		close(fd);
	return fd < 0;
}
