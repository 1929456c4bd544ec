/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bridge costs: a call over NATS, one after the other, beside a plain request and reply of NATS
 *
 *   bench-bridge BRIDGE [ROUNDS [CALLS]]     BRIDGE: the program postern-bridge
 *
 *   nats      a request to a responder that knows libnats alone: two processes and the server between them
 *   export    the same request to a service behind `export`: one process and one local call more
 *   import    a local call of a name of `import`, to that service behind `export`
 *   local     a local call of that service: what there is without NATS
 *
 * All four are measured in each round, in turns, so that what the machine does meanwhile is in all of them; what is told is the
 * median of the rounds, and the ratios are medians of the ratios of each round. The server is private: on the loopback, on
 * a port of its own, ended with this program, as are all other processes.
 */
#include <errno.h>
#include <inttypes.h>
#include <nats/nats.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <postern/loop.h>

#include "org.example.bench.h"

#define ROUNDS_MOST 101
#define PARAMETERS  "{\"id\":1,\"text\":\"0123456789abcdef\"}"
#define METHOD      "org.example.bench.Echo"

enum { WAY_NATS, WAY_EXPORT, WAY_IMPORT, WAY_LOCAL, WAYS };

static const char *const way_names[WAYS] = { "nats", "export", "import", "local" };

static char bench_dir[] = "/tmp/bench-bridge-XXXXXX";
static char bench_url[64], bench_service[128];

static void bench_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void bench_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "bench-bridge: ");
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* ---- the other processes: each ends with this one ---- */

static pid_t bench_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		bench_fail("fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

static void echo_answer(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *data)
{
	(void)sub, (void)data;
	natsConnection_Publish(nc, natsMsg_GetReply(msg), natsMsg_GetData(msg),
			       natsMsg_GetDataLength(msg));
	natsMsg_Destroy(msg);
}

static natsConnection *bench_connect(void)
{
	natsConnection *nc = NULL;
	natsOptions *options = NULL;
	natsStatus s = natsOptions_Create(&options);

	if (s == NATS_OK)
		s = natsOptions_SetURL(options, bench_url);
	/* As the bridge does it: without, each publication waits for others to come. */
	if (s == NATS_OK)
		s = natsOptions_SetSendAsap(options, true);
	if (s == NATS_OK)
		s = natsConnection_Connect(&nc, options);
	natsOptions_Destroy(options);
	if (s != NATS_OK)
		bench_fail("%s: %s", bench_url, natsStatus_GetText(s));
	return nc;
}

static void bench_responder(void)
{
	natsSubscription *sub = NULL;
	natsConnection *nc;

	if (bench_fork() != 0)
		return;
	nc = bench_connect();
	if (natsConnection_Subscribe(&sub, nc, "bench.echo", echo_answer, NULL) != NATS_OK)
		_exit(1);
	for (;;)
		pause();
}

static void service_echo(struct postern_request *r, const struct bench_Echo_in *in, void *data)
{
	(void)data;
	bench_reply_Echo(r, &(struct bench_Echo_out){ .id = in->id, .text = in->text });
}

static void bench_serve(void)
{
	static const struct bench_methods handlers = { .Echo = service_echo };
	struct postern_service *service = NULL;
	struct postern_loop *loop = NULL;

	if (bench_fork() != 0)
		return;
	if (postern_loop_new(&loop) < 0 ||
	    postern_service_new(&service, loop, bench_service, NULL, NULL, NULL) < 0 ||
	    bench_provide(service, &handlers, NULL) < 0)
		bench_fail("%s", postern_why()->text);
	postern_loop_run(loop);
	_exit(1);
}

#define BENCH_HELD 8
static FILE *bench_held[BENCH_HELD];
static size_t bench_n_held;

/* Starts it, and waits for a line with this word on stderr. */
/* What is executed does not change its words; the type of execvp() is older than const. */
static void bench_start(const char *word, const char *const argv[])
{
	char line[1024];
	int ends[2];
	FILE *in;

	if (pipe(ends) < 0)
		bench_fail("pipe: %s", strerror(errno));
	if (bench_fork() == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(ends[1]);
	/* What it says later goes nowhere: it has its end as long as this program runs. */
	bench_held[bench_n_held++ % BENCH_HELD] = in = fdopen(ends[0], "r");
	while (in && fgets(line, sizeof(line), in))
		if (strstr(line, word))
			return;
	bench_fail("%s does not start", argv[0]);
}

static void bench_start_nats(void)
{
	char path[128], line[1024], command[256];
	const char *const argv[] = { "nats-server",      "-a",      "127.0.0.1", "-p", "-1",
				     "--ports_file_dir", bench_dir, NULL };
	FILE *in;

	bench_start("Server is ready", argv);
	snprintf(command, sizeof(command), "cat %s/*.ports", bench_dir);
	for (int i = 0; i < 100 && !*bench_url; i++) {
		in = popen(command, "r");
		if (in && fgets(line, sizeof(line), in) && strstr(line, "nats://"))
			sscanf(strstr(line, "nats://"), "%63[^\"]", bench_url);
		if (in)
			pclose(in);
		usleep(20000);
	}
	if (!*bench_url)
		bench_fail("nats-server has written no file of its ports");
	snprintf(path, sizeof(path), "%s/service", bench_dir);
	snprintf(bench_service, sizeof(bench_service), "%s", path);
}

/* ---- measuring ---- */

static int64_t bench_requests(natsConnection *nc, const char *subject, int n)
{
	int64_t begun = postern_now();

	for (int i = 0; i < n; i++) {
		natsMsg *reply = NULL;
		natsStatus s = natsConnection_RequestString(&reply, nc, subject, PARAMETERS, 5000);
		const char *error = NULL;

		if (s != NATS_OK)
			bench_fail("%s: %s", subject, natsStatus_GetText(s));
		if (natsMsgHeader_Get(reply, "Nats-Service-Error", &error) == NATS_OK)
			bench_fail("%s: %s", subject, error);
		if (natsMsg_GetDataLength(reply) != (int)strlen(PARAMETERS))
			bench_fail("%s: another answer", subject);
		natsMsg_Destroy(reply);
	}
	return postern_now() - begun;
}

static int64_t bench_calls(struct postern_caller *c, int n)
{
	int64_t begun = postern_now();

	for (int i = 0; i < n; i++) {
		struct postern_json answer;

		if (postern_caller_wait_json(c, METHOD, PARAMETERS, strlen(PARAMETERS), NULL,
					     &answer, 0, POSTERN_SECONDS(5)) < 0)
			bench_fail("%s", postern_why()->text);
		if (answer.n != strlen(PARAMETERS))
			bench_fail("another answer");
	}
	return postern_now() - begun;
}

struct ways {
	natsConnection *nc;
	struct postern_caller *local, *imported;
};

static double bench_way(struct ways *w, int way, int n)
{
	int64_t ns;

	switch (way) {
	case WAY_NATS:
		ns = bench_requests(w->nc, "bench.echo", n);
		break;
	case WAY_EXPORT:
		ns = bench_requests(w->nc, "varlink." METHOD, n);
		break;
	case WAY_IMPORT:
		ns = bench_calls(w->imported, n);
		break;
	default:
		ns = bench_calls(w->local, n);
	}
	return (double)ns / n;
}

static int bench_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double bench_median(const double *values, int n)
{
	double sorted[ROUNDS_MOST];

	memcpy(sorted, values, (size_t)n * sizeof(*sorted));
	qsort(sorted, (size_t)n, sizeof(*sorted), bench_order);
	return sorted[n / 2];
}

static void bench_measure(struct ways *w, int rounds, int calls)
{
	double ns[WAYS][ROUNDS_MOST], ratio[ROUNDS_MOST];

	for (int way = 0; way < WAYS; way++)
		bench_way(w, way, calls / 4 + 1);
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < WAYS; i++) {
			int way = (i + r) % WAYS;

			ns[way][r] = bench_way(w, way, calls);
		}
	printf("%d rounds of %d calls, one in flight\n", rounds, calls);
	for (int way = 0; way < WAYS; way++) {
		for (int r = 0; r < rounds; r++)
			ratio[r] = ns[way][r] / ns[WAY_NATS][r];
		printf("%-7s %8.1f us a call, %.2f times nats\n", way_names[way],
		       bench_median(ns[way], rounds) / 1000, bench_median(ratio, rounds));
	}
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 11, calls = argc > 3 ? atoi(argv[3]) : 1000;
	char imported[160], command[192];
	struct ways w = { .nc = NULL };

	if (argc < 2 || rounds < 1 || rounds > ROUNDS_MOST || calls < 1)
		bench_fail("usage: bench-bridge BRIDGE [ROUNDS [CALLS]]; up to %d rounds",
			   ROUNDS_MOST);
	if (!mkdtemp(bench_dir))
		bench_fail("%s: %s", bench_dir, strerror(errno));
	bench_start_nats();
	snprintf(imported, sizeof(imported), "%s/imported", bench_dir);
	bench_responder();
	bench_serve();
	bench_start("ready", (const char *const[]){ argv[1], "export", bench_service, "--nats",
						    bench_url, NULL });
	bench_start("ready", (const char *const[]){ argv[1], "import", "org.example.bench", "--as",
						    imported, "--nats", bench_url, NULL });
	w.nc = bench_connect();
	if (postern_caller_new(&w.local, NULL, bench_service, NULL) < 0 ||
	    postern_caller_new(&w.imported, NULL, imported, NULL) < 0)
		bench_fail("%s", postern_why()->text);
	bench_measure(&w, rounds, calls);
	postern_caller_free(w.local);
	postern_caller_free(w.imported);
	natsConnection_Destroy(w.nc);
	nats_Close();
	snprintf(command, sizeof(command), "rm -rf %s", bench_dir);
	return system(command) == 0 ? 0 : 1;
}
