#include <sys/socket.h>
#include <unistd.h>
#include <string>

class Session {
public:
    Session(int fd, std::string name) : fd_(fd), name_(name) {}
    ~Session() { ::close(fd_); }

private:
    int fd_;
    std::string name_;
};

void one(int listener)
{
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    Session session(fd, "one"); // E2
}
