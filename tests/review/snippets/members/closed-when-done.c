/* It is closed when all went well, and the caller has it back when it did not; or nobody can tell. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct job {
	int fd;
	char name[32];
};

static int job_finish(struct job *j)
{
	if (send(j->fd, "bye\n", 4, MSG_NOSIGNAL) != 4)
		return -1;
	close(j->fd);
	return 0;
}

/* The result is the same on both ways. */
static int job_try(struct job *j)
{
	if (j->name[0] == '-')
		close(j->fd);
	return 0;
}

static void job_perhaps(struct job *j)
{
	if (j->name[0] == '-')
		close(j->fd);
}

/* It fails with and without closing. */
static int job_mixed(struct job *j)
{
	if (j->name[0] == '+')
		return -1;
	if (send(j->fd, "bye\n", 4, MSG_NOSIGNAL) != 4) {
		close(j->fd);
		return -1;
	}
	return 0;
}

static int job_new(struct job *j)
{
	memset(j->name, 0, sizeof(j->name));
	j->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return j->fd;
}

int right(struct job *j)
{
	if (job_finish(j) < 0) {
		close(j->fd);
		return -1;
	}
	return 0;
}

int wrong(struct job *j)
{
	int r = job_finish(j);

	if (r == 0)
		close(j->fd); /* L4 */
	return r;
}

int wrong_lost(void)
{
	struct job j;

	j.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (j.fd < 0)
		return -1;
	if (job_finish(&j) < 0)
		return -1; /* L1 */
	return 0;
}

int right_given_back(void)
{
	struct job j;

	j.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (j.fd < 0)
		return -1;
	if (job_finish(&j) < 0)
		close(j.fd);
	return 0;
}

int nobody_can_tell(void)
{
	struct job a, b;

	if (job_new(&a) < 0)
		return -1;
	job_try(&a);
	close(a.fd);
	b.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (b.fd < 0)
		return -1;
	job_perhaps(&b);
	return 0;
}

int mixed(struct job *j)
{
	if (job_mixed(j) < 0) {
		close(j->fd);
		return -1;
	}
	return 0;
}
