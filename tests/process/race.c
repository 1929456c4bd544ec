/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race - many processes race for one name while owners and starters are killed
 *
 *	race [--starters 64] [--rounds 20] [--seed N]
 *
 * Each starter is a process that tries to own the name, again and again, through owner_acquire(). In each
 * round this program waits until there is an owner, makes sure that it is the one whom a client reaches, and
 * then ends its rule: mostly by SIGKILL, else by asking it to retire. Some starters are killed as well: one that
 * is just taking over, and others at moments that fall anywhere within owner_acquire(). Who was killed is
 * replaced.
 *
 * Who owns is judged by others than the code under test:
 *	- one word in shared memory, which an owner exchanges for its pid as soon as it owns, and clears before
 *	  it retires. Whom it finds there must be ending or gone, says the kernel (PF_EXITING in
 *	  /proc/PID/stat); that a kill was sent is not enough.
 *	- the kernel's credentials of the listening socket that a connection to the path reaches;
 *	- /proc/net/unix, which must show one listening socket with that path.
 * An owner also looks all the time whether its path is still its own, and the word its pid.
 */
#include "name/name.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STARTERS_MAX = 1024, PROC_EXITING = 4 /* PF_EXITING of the kernel */ };

static struct shared {
	atomic_int holder; /* pid of the owner, or 0 */
	atomic_int retire; /* pid of the owner that is asked to retire */
	atomic_int taking; /* pid of who has the lock, and does not listen yet */
	atomic_int broken;
	atomic_uint claims, inherited, retired, attempts;
	char what[512]; /* of the first violation */
} * shared;

static struct {
	int starters, rounds;
	unsigned seed;
	int scale;
	char dir[200];
	pid_t pids[STARTERS_MAX];
	unsigned killed_owners, killed_takers, killed_starters;
} race = { .starters = 64, .rounds = 20 };

static void violation(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void violation(const char *format, ...)
{
	va_list args;

	if (atomic_fetch_add(&shared->broken, 1) > 0)
		return;
	va_start(args, format);
	vsnprintf(shared->what, sizeof(shared->what), format, args);
	va_end(args);
}

static unsigned below(unsigned limit)
{
	race.seed = race.seed * 1664525u + 1013904223u;
	return (unsigned)(((uint64_t)race.seed * limit) >> 32);
}

static int64_t now_ms(void)
{
	return sys_now() / 1000000;
}

/* ---- a starter ---- */

/* Whether the process can run no instruction of its own any more. */
static bool is_ending(pid_t pid)
{
	char path[40], buf[1024], *p, state = 0;
	unsigned flags = 0;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return true;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	buf[n] = 0;
	p = strrchr(buf, ')');
	if (!p || sscanf(p + 1, " %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		return true; /* it ended while it was read */
	return state == 'Z' || state == 'X' || (flags & PROC_EXITING);
}

static void claim(void)
{
	pid_t me = getpid(), before = atomic_exchange(&shared->holder, me);

	atomic_fetch_add(&shared->claims, 1);
	if (!before)
		return;
	atomic_fetch_add(&shared->inherited, 1);
	if (!is_ending(before))
		violation("two owners: %d became it while %d still was", (int)me, (int)before);
}

static void release(void)
{
	int me = getpid();

	if (!atomic_compare_exchange_strong(&shared->holder, &me, 0))
		violation("%d wants to retire, and %d is the owner", (int)getpid(), me);
	atomic_fetch_add(&shared->retired, 1);
}

static void rule(struct owner *o)
{
	int me = getpid(), fd;

	claim();
	while (atomic_load(&shared->retire) != me) {
		if (owner_check(o) != 1)
			violation("the owner %d lost its path", me);
		if (atomic_load(&shared->holder) != me)
			violation("the owner %d was overtaken by %d", me,
				  atomic_load(&shared->holder));
		while ((fd = sys_accept(o->listener)) >= 0)
			sys_close(fd);
		sys_sleep(500000);
	}
	atomic_store(&shared->retire, 0);
	release();
	owner_retire(o);
}

static int acquire(struct owner *o, struct why *why)
{
	int64_t delay_ns = 0;
	int r;

	atomic_fetch_add(&shared->attempts, 1);
	while ((r = owner_acquire(o, &delay_ns, why)) == -EAGAIN) {
		if (o->lock >= 0)
			atomic_store(&shared->taking, getpid());
		sys_sleep(delay_ns);
	}
	return r;
}

static void starter(unsigned seed)
{
	static const struct owner_options options = { .mode = 0600, .backlog = 16 };
	struct name name;
	struct owner o;
	struct why why;

	race.seed = seed;
	if (name_resolve(&name, "contended", &why) < 0)
		violation("%s", why.text);
	while (!atomic_load(&shared->broken)) {
		int r;

		owner_init(&o, &name, &options);
		r = acquire(&o, &why);
		if (r == 0)
			rule(&o);
		else if (r != -EADDRINUSE)
			violation("a starter failed: %s", why.text);
		owner_deinit(&o, false);
		sys_sleep((int64_t)below(20000000));
	}
	name_deinit(&name);
}

static void spawn(int i)
{
	unsigned seed = below(UINT32_MAX);
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		violation("fork: %s", strerror(errno));
		return;
	}
	if (pid > 0) {
		race.pids[i] = pid;
		return;
	}
	alarm(0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		starter(seed);
	_exit(0);
}

/* ---- the referee ---- */

static void reaped(pid_t pid, int status)
{
	int was = pid;

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		violation("process %d ended by itself, status 0x%x", (int)pid, (unsigned)status);
	atomic_compare_exchange_strong(&shared->holder, &was, 0);
}

static void reap_and_replace(void)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		reaped(pid, status);
		for (int i = 0; i < race.starters; i++)
			if (race.pids[i] == pid)
				spawn(i);
	}
}

/* The process that listens where a client arrives, or a negative errno. */
static pid_t reach(const struct name *name)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);
	int fd, r;

	fd = name_connect(name);
	if (fd < 0)
		return fd;
	r = sys_getsockopt(fd, SO_PEERCRED, &cred, &n);
	sys_close(fd);
	return r < 0 ? r : cred.pid;
}

static int count_listeners(const char *path)
{
	char line[512], at[300], flags[32];
	FILE *f = fopen("/proc/net/unix", "re");
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %31s %*s %*s %*s %299s", flags, at) == 2 &&
		    !strcmp(at, path) && strtoul(flags, NULL, 16) & 0x10000 /* __SO_ACCEPTCON */)
			n++;
	if (f)
		fclose(f);
	return n;
}

/* Waits until one owner is there, by all accounts, and returns it; 0 when there is none in time. */
static pid_t wait_for_owner(const struct name *name)
{
	int64_t deadline = now_ms() + 5000LL * race.scale;
	pid_t holder = 0, reached = 0;
	int listeners = 0;

	while (now_ms() < deadline && !atomic_load(&shared->broken)) {
		reap_and_replace();
		holder = atomic_load(&shared->holder);
		reached = holder ? reach(name) : 0;
		listeners = holder ? count_listeners(name->path) : 0;
		if (holder && reached == holder && listeners == 1)
			return holder;
		sys_sleep(1000000);
	}
	violation("no owner in time: the word says %d, a client reaches %d (%s), %d sockets listen",
		  (int)holder, (int)reached, reached < 0 ? strerror(-reached) : "pid", listeners);
	return 0;
}

/* Whoever has the lock and is between its first look and listen; its last steps take microseconds. */
static void kill_the_taker(void)
{
	int64_t deadline = now_ms() + 100;
	pid_t pid;

	atomic_store(&shared->taking, 0);
	while (!(pid = atomic_load(&shared->taking)) && now_ms() < deadline)
		sys_sleep(100000);
	sys_sleep(below(2) * (49900000 + (int64_t)below(400000)));
	for (int i = 0; i < race.starters; i++)
		if (pid && race.pids[i] == pid && kill(pid, SIGKILL) == 0)
			race.killed_takers++;
}

static void kill_some_starters(pid_t owner)
{
	for (unsigned n = below(4); n > 0; n--) {
		pid_t pid = race.pids[below((unsigned)race.starters)];

		if (pid == owner || kill(pid, SIGKILL) < 0)
			continue;
		race.killed_starters++;
		sys_sleep((int64_t)below(300000));
	}
}

static void end_its_rule(pid_t owner)
{
	if (below(5) == 0) {
		atomic_store(&shared->retire, owner);
	} else if (kill(owner, SIGKILL) == 0) {
		race.killed_owners++;
		if (below(3) == 0)
			kill_the_taker();
	}
	kill_some_starters(owner);
}

/* The time until the owner after this one is there. */
static int64_t play_round(const struct name *name)
{
	pid_t owner = wait_for_owner(name);
	int64_t begin;

	if (!owner)
		return 0;
	sys_sleep((int64_t)below(3000000));
	begin = now_ms();
	end_its_rule(owner);
	while (atomic_load(&shared->holder) == owner && now_ms() < begin + 5000LL * race.scale &&
	       !atomic_load(&shared->broken)) {
		reap_and_replace();
		sys_sleep(500000);
	}
	wait_for_owner(name);
	return now_ms() - begin;
}

static void end_all(void)
{
	pid_t pid;
	int status;

	for (int i = 0; i < race.starters; i++)
		if (race.pids[i] > 0)
			kill(race.pids[i], SIGKILL);
	while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
		if (pid > 0)
			reaped(pid, status);
}

static void list_leftover(const char *path, const char *allowed)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && strcmp(e->d_name, allowed))
			violation("%s was left behind", e->d_name);
	if (d)
		closedir(d);
}

/* After everybody was killed: this process takes over, retires, and only the lock is left. */
static void last_owner(const struct name *name)
{
	static const struct owner_options options = { .mode = 0600, .backlog = 16 };
	struct owner o;
	struct why why;

	owner_init(&o, name, &options);
	if (acquire(&o, &why) < 0)
		violation("the last takeover failed: %s", why.text);
	else if (reach(name) != getpid())
		violation("the last owner is not reached");
	owner_retire(&o);
	owner_deinit(&o, false);
	list_leftover(name->directory, "lock");
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void play(const struct name *name)
{
	int64_t begin = now_ms(), *waits = calloc((size_t)race.rounds, sizeof(*waits));
	int round;

	for (int i = 0; i < race.starters; i++)
		spawn(i);
	for (round = 0; waits && round < race.rounds && !atomic_load(&shared->broken); round++)
		waits[round] = play_round(name);
	end_all();
	if (!atomic_load(&shared->broken))
		last_owner(name);
	printf("# %d starters, %d rounds in %.1f s: %u attempts, %u claims, %u of them after a process that was still ending\n",
	       race.starters, round, (double)(now_ms() - begin) / 1000, shared->attempts,
	       shared->claims, shared->inherited);
	printf("# killed: %u owners, %u while they took over, %u other starters; %u owners retired\n",
	       race.killed_owners, race.killed_takers, race.killed_starters, shared->retired);
	if (waits && round > 0) {
		qsort(waits, (size_t)round, sizeof(*waits), by_value);
		printf("# next owner after: median %lld ms, worst %lld ms\n",
		       (long long)waits[round / 2], (long long)waits[round - 1]);
	}
	free(waits);
}

static int number(const char *text, int max)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (n < 1 || n > max || *end) {
		fprintf(stderr, "race: %s is not a number from 1 to %d\n", text, max);
		exit(64);
	}
	return (int)n;
}

static void arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "starters", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 'x' },
		{ NULL, 0, NULL, 0 },
	};
	const char *scale = getenv("TEST_SCALE");
	int option;

	race.seed = (unsigned)getpid() * 2654435761u ^ (unsigned)sys_now();
	race.scale = scale && atoi(scale) > 0 ? atoi(scale) : 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 's')
			race.starters = number(optarg, STARTERS_MAX);
		else if (option == 'r')
			race.rounds = number(optarg, 1000000);
		else if (option == 'x')
			race.seed = (unsigned)number(optarg, INT32_MAX);
		else
			exit(64);
	}
}

static bool set_up(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(race.dir, sizeof(race.dir), "%.120s/postern-race-XXXXXX",
		 tmp && *tmp == '/' ? tmp : "/tmp");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return shared != MAP_FAILED && mkdtemp(race.dir) && setenv("POSTERN_DIR", race.dir, 1) == 0;
}

static void clean_up(const struct name *name)
{
	const char *const entries[] = { name->socket, name->stale, name->info, "info.new",
					name->lock };
	char path[512];

	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		snprintf(path, sizeof(path), "%s/%s", name->directory, entries[i]);
		unlink(path);
	}
	rmdir(name->directory);
	if (rmdir(race.dir) < 0)
		printf("# cannot remove %s: %s\n", race.dir, strerror(errno));
}

int main(int argc, char **argv)
{
	struct name name;
	struct why why;
	bool ok;

	arguments(argc, argv);
	if (!set_up()) {
		printf("Bail out! cannot set up: %s\n", strerror(errno));
		return 1;
	}
	printf("1..1\n# seed %u\n", race.seed);
	fflush(stdout);
	/* A starter that hangs is a violation after 5 s a round; this is for what hangs here. */
	alarm((unsigned)((30 + 6 * race.rounds) * race.scale));
	if (name_resolve(&name, "contended", &why) < 0) {
		printf("Bail out! %s\n", why.text);
		return 1;
	}
	play(&name);
	ok = !atomic_load(&shared->broken);
	if (!ok)
		printf("# %s\n", shared->what);
	printf("%s 1 - one_owner_at_a_time_and_no_name_is_lost\n", ok ? "ok" : "not ok");
	clean_up(&name);
	name_deinit(&name);
	return ok ? 0 : 1;
}
