/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance NAME [FILE]... - one instance of a program; later starts call its method Activate, and print its answer
 *
 * Both can lose a race: two start at once (one gets the name, the other calls it), or the first one ends while it is
 * called (the caller, which has no answer, tries to become the first). All of this within 5 s. A call that has no answer may
 * have run: opening a file twice does no harm.
 */
#include "org.example.instance.h"

#include <errno.h>
#include <limits.h>
#include <postern.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int64_t n_open;

static void open_file(const char *directory, const char *file)
{
	if (*file == '/')
		printf("open %s\n", file);
	else
		printf("open %s/%s\n", directory, file);
	fflush(stdout);
	n_open++;
}

static void activate(struct postern_request *r, const struct instance_Activate_in *in, void *data)
{
	struct instance_Activate_out out;

	(void)data;
	for (size_t i = 0; i < in->arguments.n; i++)
		open_file(in->directory, in->arguments.items[i]);
	out.open = n_open;
	instance_reply_Activate(r, &out);
}

/* As of a waiting call; -ENOTCONN soon, if nobody has the name any more. */
static int call_the_first(const char *name, const struct instance_Activate_in *in, int64_t left_ns)
{
	const struct postern_connect_options connect = { .size = sizeof connect,
							 .deadline_ns = POSTERN_MS(200) };
	const struct postern_caller_options options = { .size = sizeof options,
							.connect = &connect };
	POSTERN_AUTO(caller) caller = NULL;
	struct instance_Activate_out out;
	int r = postern_caller_new(&caller, NULL, name, &options);

	if (r == 0)
		r = instance_Activate_wait(caller, in, &out, left_ns > 0 ? left_ns : 1);
	if (r == 0)
		printf("the running instance has %lld files open\n", (long long)out.open);
	return r;
}

static void stop(struct postern_signal *s, int sig, void *loop)
{
	(void)s, (void)sig;
	postern_loop_stop((struct postern_loop *)loop);
}

int main(int argc, char **argv)
{
	static const struct instance_methods methods = { .Activate = activate };
	const int64_t deadline_ns = postern_now() + POSTERN_SECONDS(5);
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(service) service = NULL;
	POSTERN_AUTO(signal) interrupt = NULL;
	POSTERN_AUTO(signal) terminate = NULL;
	struct instance_Activate_in in;
	char directory[PATH_MAX];
	int r;

	if (argc < 2 || postern_loop_new(&loop) < 0 || !getcwd(directory, sizeof directory))
		return 64;
	in.directory = directory;
	in.arguments.items = (const char *const *)argv + 2;
	in.arguments.n = (size_t)argc - 2;
	while ((r = postern_service_new(&service, loop, argv[1], NULL, NULL, NULL)) ==
	       -EADDRINUSE) {
		r = call_the_first(argv[1], &in, deadline_ns - postern_now());
		if (r == 0)
			return 0;
		if ((r != -ENOTCONN && r != -ECONNRESET) || postern_now() >= deadline_ns)
			break;
	}
	if (r < 0 || instance_provide(service, &methods, NULL) < 0) {
		fprintf(stderr, "instance: %s\n", postern_why()->text);
		return 1;
	}
	for (int i = 2; i < argc; i++)
		open_file(directory, argv[i]);
	if (postern_signal_new(&interrupt, loop, SIGINT, stop, loop) < 0 ||
	    postern_signal_new(&terminate, loop, SIGTERM, stop, loop) < 0)
		return 1;
	return postern_loop_run(loop) < 0;
}
