// A method of something is done to it; one of our own base, or of a namespace, is as good as a function.
#include <fcntl.h>
#include <unistd.h>

class Worker : public Base {
public:
	int run(const char *path, Logger *logger, int how);
};

int Worker::run(const char *path, Logger *logger, int how)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (how == 1) {
		logger->fatal("one");
		return 1; // L1
	}
	if (how == 2) {
		fatalError("two");
		return 2;
	}
	if (how == 3) {
		Log::die("three");
		return 3;
	}
	return close(fd);
}
