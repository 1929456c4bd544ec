/* libsystemd: lost on a way out. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

int stream(const char *text)
{
	int fd = sd_journal_stream_fd("program", 6, 0);

	if (fd < 0)
		return fd;
	if (dprintf(fd, "%s\n", text) < 0)
		return -1; // L1
	close(fd);
	return 0;
}

int own_bus(sd_bus *bus)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -1;
	if (sd_is_socket_unix(fd, SOCK_STREAM, 0, NULL, 0) <= 0)
		return -1; // L1
	r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0)
		return r; // L1
	return sd_bus_start(bus);
}
