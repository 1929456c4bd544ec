// What only makes it work better is advice.
#include <sys/socket.h>
#include <fcntl.h>
#include <stdexcept>

class Listener {
public:
    explicit Listener(int fd);
    void quick();

private:
    int fd_;
};

Listener::Listener(int fd) : fd_(fd)
{
    int on = 1;

    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); // E1
    if (::listen(fd_, 16) < 0)
        throw std::runtime_error("listen");
}

void Listener::quick()
{
    ::fcntl(fd_, F_SETFD, FD_CLOEXEC); // E1
}
