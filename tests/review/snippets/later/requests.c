/* A request that fails at once has no callback: its result is the only word of that. */
#include <signal.h>
#include <stdlib.h>
#include <uv.h>

struct words {
	uv_write_t request;
	uv_buf_t bytes;
};

static uv_write_t one;

void begin(void)
{
	signal(SIGPIPE, SIG_IGN);
}

static void done(uv_write_t *r, int status)
{
	(void)status;
	free(r);
}

static void said(uv_write_t *r, int status)
{
	(void)r;
	(void)status;
}

static void shut(uv_shutdown_t *r, int status)
{
	(void)status;
	free(r);
}

static struct words *words_new(char *text, unsigned n)
{
	struct words *w = malloc(sizeof(*w));

	if (w)
		w->bytes = uv_buf_init(text, n);
	return w;
}

void wrong(uv_stream_t *s, char *text, unsigned n)
{
	struct words *w = words_new(text, n);

	if (!w)
		return;
	uv_write(&w->request, s, &w->bytes, 1, done); /* E1 */
}

void wrong_shutdown(uv_stream_t *s)
{
	uv_shutdown_t *r = malloc(sizeof(*r));

	if (r)
		uv_shutdown(r, s, shut); /* E1 */
}

void right(uv_stream_t *s, char *text, unsigned n)
{
	struct words *w = words_new(text, n);

	if (w && uv_write(&w->request, s, &w->bytes, 1, done) < 0)
		free(w);
}

void right_static(uv_stream_t *s, uv_buf_t *bytes)
{
	uv_write(&one, s, bytes, 1, said);
}

void right_said_so(uv_stream_t *s, char *text, unsigned n)
{
	struct words *w = words_new(text, n);

	if (w)
		(void)uv_write(&w->request, s, &w->bytes, 1, done);
}

/* Whatever the result is, no callback frees it. */
void nobody_is_called(uv_stream_t *s, char *text, unsigned n)
{
	struct words *w = words_new(text, n);

	if (w)
		uv_write(&w->request, s, &w->bytes, 1, NULL);
}

int wrong_open(uv_loop_t *loop, uv_pipe_t *p, int fd)
{
	uv_pipe_open(p, fd); /* E1 */
	return uv_run(loop, UV_RUN_DEFAULT);
}
