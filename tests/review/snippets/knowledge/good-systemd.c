/* libsystemd: everything has its end, or belongs to somebody. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

struct session {
	sd_event_source *source;
	int fd;
};

static int ready(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct session *session = data;

	(void)source;
	(void)events;
	sd_event_source_disable_unref(session->source);
	close(fd);
	free(session);
	return 0;
}

/* The source has the session, and the session its descriptor. */
int begin(sd_event *event, int fd)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return -1;
	session->fd = fd;
	if (sd_event_add_io(event, &session->source, fd, 1, ready, session) < 0) {
		free(session);
		return -1;
	}
	return sd_event_source_set_description(session->source, "session");
}

int stream(const char *text)
{
	int fd = sd_journal_stream_fd("program", 6, 0);
	int r;

	if (fd < 0)
		return fd;
	r = dprintf(fd, "%s\n", text);
	close(fd);
	return r;
}

/* The bus closes it. */
int own_bus(sd_bus *bus)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -1;
	r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	return sd_bus_start(bus);
}

/* The manager has a duplicate, we have ours. */
int store(const char *state)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -1;
	r = sd_pid_notify_with_fds(0, 0, state, &fd, 1);
	close(fd);
	return r;
}

int ask(sd_bus *bus)
{
	sd_bus_message *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(bus, "org.example", "/", "org.example", "Go", &error, &reply, NULL);

	if (r < 0)
		fprintf(stderr, "%s\n", error.message);
	sd_bus_error_free(&error);
	sd_bus_message_unref(reply);
	return r;
}
