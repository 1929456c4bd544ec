/* Descriptors of Linux: each has its end, or goes to somebody. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <spawn.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <unistd.h>
#include <utmp.h>

int enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -1;
	r = setns(fd, 0);
	close(fd);
	return r;
}

/* The memory does not need the descriptor. */
void *map(const char *name, size_t size)
{
	int fd = shm_open(name, O_RDWR, 0600);
	void *memory;

	if (fd < 0)
		return NULL;
	memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return memory;
}

int marks(void)
{
	int fd = fanotify_init(FAN_CLOEXEC, O_RDONLY);

	if (fd < 0)
		return -1;
	if (fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "/") < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int queue(const char *name, char *message, size_t size)
{
	mqd_t queue = mq_open(name, O_RDONLY);
	int r;

	if (queue < 0)
		return -1;
	r = (int)mq_receive(queue, message, size, NULL);
	mq_close(queue);
	return r;
}

/* login_tty() closes it. */
int terminal(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (login_tty(fd) < 0) {
		close(fd);
		return -1;
	}
	return 0;
}

/* What the started program does with the number does not close it here. */
int start(const char *path, char *const argv[], char *const envp[])
{
	posix_spawn_file_actions_t actions;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, 0);
	posix_spawn_file_actions_addclose(&actions, fd);
	r = posix_spawn(NULL, argv[0], &actions, NULL, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	close(fd);
	return r;
}
