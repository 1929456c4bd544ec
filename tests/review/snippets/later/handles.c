/* A handle on the heap is in use until its closing is over; without a callback nobody frees it then. */
#include <stdlib.h>
#include <uv.h>

struct guest {
	int number;
	uv_pipe_t pipe;
	struct guest *next;
};

static struct guest *guests;
static uv_timer_t clock_of_all;

static void guest_gone(uv_handle_t *h)
{
	free(h);
}

static void room(uv_handle_t *h, size_t n, uv_buf_t *b)
{
	(void)h;
	b->base = malloc(n);
	b->len = n;
}

static void hear(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	free(b->base);
	if (n < 0)
		uv_close((uv_handle_t *)s, NULL); /* L7 */
}

static void hear_well(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	free(b->base);
	if (n < 0)
		uv_close((uv_handle_t *)s, guest_gone);
}

static void hear_static(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	free(b->base);
	if (n < 0)
		uv_close((uv_handle_t *)s, 0);
}

static void tick(uv_timer_t *t)
{
	uv_close((uv_handle_t *)t, NULL);
}

void wrong(uv_stream_t *door)
{
	uv_tcp_t *line = calloc(1, sizeof(*line));

	if (!line)
		return;
	uv_tcp_init(door->loop, line);
	if (uv_accept(door, (uv_stream_t *)line) != 0) {
		uv_close((uv_handle_t *)line, NULL); /* L7 */
		return;
	}
	if (uv_read_start((uv_stream_t *)line, room, hear) != 0)
		uv_close((uv_handle_t *)line, guest_gone);
}

void right(uv_stream_t *door)
{
	uv_tcp_t *line = calloc(1, sizeof(*line));

	if (!line)
		return;
	uv_tcp_init(door->loop, line);
	if (uv_accept(door, (uv_stream_t *)line) != 0 ||
	    uv_read_start((uv_stream_t *)line, room, hear_well) != 0)
		uv_close((uv_handle_t *)line, guest_gone);
}

void wrong_inside(uv_stream_t *door)
{
	struct guest *g = malloc(sizeof(*g));

	if (!g)
		return;
	g->number = 1;
	uv_pipe_init(door->loop, &g->pipe, 0);
	if (uv_accept(door, (uv_stream_t *)&g->pipe) < 0)
		uv_close((uv_handle_t *)&g->pipe, 0); /* L7 */
	else
		uv_close((uv_handle_t *)&g->pipe, guest_gone);
}

void right_listed(uv_stream_t *door)
{
	struct guest *g = malloc(sizeof(*g));

	if (!g)
		return;
	g->next = guests;
	guests = g;
	uv_pipe_init(door->loop, &g->pipe, 0);
	if (uv_accept(door, (uv_stream_t *)&g->pipe) < 0)
		uv_close((uv_handle_t *)&g->pipe, NULL);
}

void right_static(uv_stream_t *door)
{
	static uv_tcp_t only;

	uv_timer_init(door->loop, &clock_of_all);
	uv_timer_start(&clock_of_all, tick, 10, 0);
	uv_tcp_init(door->loop, &only);
	if (uv_accept(door, (uv_stream_t *)&only) < 0 ||
	    uv_read_start((uv_stream_t *)&only, room, hear_static) < 0)
		uv_close((uv_handle_t *)&only, NULL);
}
