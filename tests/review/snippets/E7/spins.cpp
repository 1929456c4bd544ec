#include <cerrno>
#include <cstring>
#include <iostream>
#include <sys/socket.h>
#include <unistd.h>

class Server {
public:
    explicit Server(int fd) : fd_(fd) {}
    ~Server() { ::close(fd_); }
    void run();
    void serve(int fd);

private:
    int fd_;
};

void Server::run()
{
    while (true) {
        int client = ::accept(fd_, nullptr, nullptr); // E7
        if (client < 0) {
            std::cerr << "accept: " << std::strerror(errno) << std::endl;
            continue;
        }
        serve(client);
    }
}

void Server::serve(int fd)
{
    ::shutdown(fd, SHUT_WR);
    ::close(fd);
}
