/* What sd-event calls with a descriptor is called when that is ready: bytes of a peer come there. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

static char kept[16];

static int on_line(sd_event_source *source, int fd, uint32_t events, void *data)
{
	char in[64];
	ssize_t n = read(fd, in, sizeof(in)); /* W2 */

	(void)source, (void)events, (void)data;
	if (n < 1)
		return 0;
	in[n - 1] = '\0';
	memcpy(kept, in, (size_t)atoi(in)); /* N5 */
	return 0;
}

int serve(sd_event *event, int door)
{
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (s < 0)
		return -1;
	if (sd_event_add_io(event, NULL, s, 1, on_line, NULL) < 0) {
		close(s);
		return -1;
	}
	return sd_event_loop(event);
}

int lost(sd_event *event, int door)
{
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (s < 0)
		return -1;
	if (sd_event_add_io(event, NULL, s, 1, on_line, NULL) < 0)
		return -1; /* L1 */
	return 0;
}
