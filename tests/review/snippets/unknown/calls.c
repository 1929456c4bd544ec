/* A function that nobody defines silences what it may end, and nothing else. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int tune(int fd);
int fetch_size(int fd);
void give_away(int fd);
void hang_up(int fd);
void log_and_die(const char *text);
int is_fatal(int fd);
void *wrapper_of(int fd);
struct holder;
struct holder *wrap(int fd);

int tuned(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (tune(fd) < 0)
		return -1; // L1
	if (fetch_size(fd) == 0)
		return -2; // L1
	close(fd);
	return 0;
}

int given(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (tune(fd) < 0) {
		hang_up(fd);
		return -1;
	}
	give_away(fd);
	return 0;
}

struct holder *held(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct holder *h;

	if (fd < 0)
		return 0;
	h = wrap(fd);
	return h;
}

int dies(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (tune(fd) < 0)
		log_and_die("no");
	if (is_fatal(fd))
		return -2; // L1
	close(fd);
	return 0;
}
