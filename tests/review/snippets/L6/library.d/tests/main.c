#include <unistd.h>
#include "../lib/client.h"

int main(void)
{
	int fd = client_open(), wake = client_wake();

	if (fd >= 0)
		close(fd);
	if (wake >= 0)
		close(wake);
	return fd < 0;
}
