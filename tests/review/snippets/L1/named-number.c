/* What open() gives is the number that a caller names, or is moved there. */
#include <fcntl.h>
#include <unistd.h>

void good_put(int fd, const char *path, int mode)
{
	int n;

	close(fd);
	n = open(path, mode | O_CLOEXEC, 0666);
	if (n < 0)
		return;
	if (n != fd) {
		dup2(n, fd);
		close(n);
	}
}

void wrong_put(int fd, const char *path, int mode)
{
	int n;

	close(fd);
	n = open(path, mode | O_CLOEXEC, 0666); /* L1 */
	if (n < 0)
		return;
	if (n != fd)
		dup2(n, fd);
}
