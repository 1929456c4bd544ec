#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

class Guard {
public:
	explicit Guard(int fd) : fd_(fd) { }
	Guard(const Guard &) = delete;
	~Guard() { close(); }
	int fd() const { return fd_; }
	int release()
	{
		int fd = fd_;

		fd_ = -1;
		return fd;
	}

private:
	void close()
	{
		if (fd_ >= 0)
			::close(fd_);
	}
	int fd_;
};

bool bad_line(const char *path, char *line, int size)
{
	Guard guard(open(path, O_RDONLY | O_CLOEXEC));
	FILE *f = fdopen(guard.fd(), "r"); // L4
	bool r;

	if (!f)
		return false;
	r = fgets(line, size, f) != nullptr;
	fclose(f);
	return r;
}

bool good_line(const char *path, char *line, int size)
{
	Guard guard(open(path, O_RDONLY | O_CLOEXEC));
	FILE *f = fdopen(guard.release(), "r");
	bool r;

	if (!f)
		return false;
	r = fgets(line, size, f) != nullptr;
	fclose(f);
	return r;
}
