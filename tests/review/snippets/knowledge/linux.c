/* Descriptors of Linux: each is lost on a way out. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

int enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (setns(fd, 0) < 0)
		return -1; // L1
	close(fd);
	return 0;
}

void *map(const char *name, size_t size)
{
	int fd = shm_open(name, O_RDWR, 0600);
	void *memory;

	if (fd < 0)
		return NULL;
	memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return NULL; // L1
	close(fd);
	return memory;
}

int marks(void)
{
	int fd = fanotify_init(FAN_CLOEXEC, O_RDONLY);

	if (fd < 0)
		return -1;
	if (fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "/") < 0)
		return -1; // L1
	return fd;
}

int stop(int pid)
{
	int fd = pidfd_open(pid, 0);

	if (fd < 0)
		return -1;
	if (pidfd_send_signal(fd, 15, NULL, 0) < 0)
		return -1; // L1
	close(fd);
	return 0;
}

int queue(const char *name, char *message, size_t size)
{
	mqd_t queue = mq_open(name, O_RDONLY);

	if (queue < 0)
		return -1;
	if (mq_receive(queue, message, size, NULL) < 0)
		return -1; // L1
	return mq_close(queue);
}

int entry(const char *path, const char *name)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (fstatat(fd, name, &status, 0) < 0)
		return -1; // L1
	close(fd);
	close(fd); // L4
	return 0;
}

int copy(int from, int to, size_t size)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	if (splice(from, NULL, ends[1], NULL, size, 0) < 0)
		return -1; // L1
	splice(ends[0], NULL, to, NULL, size, 0);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
