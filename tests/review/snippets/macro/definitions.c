/* Which definition counts: the last before the use, and none of another system. */
#include <fcntl.h>
#include <unistd.h>

#ifdef _WIN32
#define SHUT(fd) closesocket(fd)
#define GIVE_UP exit(1)
#else
#define SHUT(fd) close(fd)
#define GIVE_UP return -1
#endif

int first(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		GIVE_UP;
	SHUT(fd);
	return 0;
}

#undef SHUT
#define SHUT(fd) (void)(fd)

int second(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC); // L1

	if (fd < 0)
		GIVE_UP;
	SHUT(fd);
	return 0;
}

#undef GIVE_UP
#define SELF SELF
#define ROUND_A ROUND_B
#define ROUND_B ROUND_A
#define TWICE(x) x x
#define MANY(x) TWICE(TWICE(TWICE(TWICE(TWICE(TWICE(TWICE(TWICE(x))))))))
#define MORE(x) MANY(MANY(MANY(MANY(MANY(x)))))
#define KEEP_FIRST(a, ...) a
#define QUOTED(x) #x

int third(const char *path)
{
	int SELF = KEEP_FIRST(open(path, O_RDONLY | O_CLOEXEC), ROUND_A, QUOTED("a" x)); // L1

	MORE(;);
	if (SELF < 0)
		return -1;
	return 0;
}
