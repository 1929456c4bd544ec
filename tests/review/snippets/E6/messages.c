#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct imsgbuf;
int imsg_flush(struct imsgbuf *buf);
void imsg_init(struct imsgbuf *buf, int fd);

int tell(struct imsgbuf *buf)
{
	return imsg_flush(buf) == -1 ? -1 : 0; // E6
}
