// Which method is called is not known, so nor is what its result says.
#include <sys/socket.h>
#include <sys/types.h>

class Line
{
public:
	virtual ~Line() {}
	virtual int say(int fd, const char *text, size_t n)
	{
		if (::send(fd, text, n, MSG_NOSIGNAL) != static_cast<ssize_t>(n))
			return -1;
		return 0;
	}
	int hear(int fd, char *to, size_t n)
	{
		if (::recv(fd, to, n, MSG_WAITALL) != static_cast<ssize_t>(n))
			return -1;
		return 0;
	}
};

class Counted : public Line
{
public:
	int say(int fd, const char *text, size_t n) override
	{
		return ::send(fd, text, n, MSG_NOSIGNAL) == static_cast<ssize_t>(n) ? 1 : 0;
	}
};

bool right(Line *line, int fd)
{
	if (line->say(fd, "x", 1) == 1)
		return true;
	return false;
}

bool wrong(Line *line, int fd, char *to)
{
	if (line->hear(fd, to, 1) == 1) // E1
		return true;
	return false;
}
