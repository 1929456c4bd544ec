// Nobody handles signals here, and the sockets block.
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

class Client {
public:
    explicit Client(int fd) : fd_(fd) {}
    ~Client() { ::close(fd_); }
    void wait();
    bool next(char *to, size_t size);

private:
    int fd_;
};

void Client::wait()
{
    pollfd p{fd_, POLLIN, 0};

    if (::poll(&p, 1, 5000) < 0)
        throw std::runtime_error("poll");
}

bool Client::next(char *to, size_t size)
{
    wait();
    return ::recv(fd_, to, size, 0) > 0;
}
