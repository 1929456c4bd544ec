// SPDX-License-Identifier: Apache-2.0
// defects:
// L1 the constructor throws after socket(): the destructor does not run, the descriptor stays open
// E1 listen() may fail unnoticed, and accept() tells it then
// E7 when descriptors run out, the accept loop turns without a pause
// E3 a short send() is taken for a whole one
// L1 a connection over the limit is turned away, but not closed
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

class EchoServer
{
public:
    explicit EchoServer(const std::string &path);
    ~EchoServer();

    void run();

private:
    void handleClient(int fd);
    bool admit(int fd);
    void leave(int fd);

    static const size_t maxClients = 32;

    std::string path_;
    int fd_;
    std::mutex mutex_;
    std::set<int> clients_;
    std::atomic<unsigned long> total_;
};

EchoServer::EchoServer(const std::string &path)
    : path_(path), fd_(-1), total_(0)
{
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); // @L1?
    if (fd_ < 0)
        throw std::runtime_error(std::string("socket: ") + strerror(errno));

    struct sockaddr_un addr;
    memset(&addr, 0, sizeof(addr));
    addr.sun_family = AF_UNIX;
    if (path.size() >= sizeof(addr.sun_path))
        throw std::runtime_error("path too long"); // @L1
    strncpy(addr.sun_path, path.c_str(), sizeof(addr.sun_path) - 1);

    if (bind(fd_, (struct sockaddr *)&addr, sizeof(addr)) < 0) // @L5?
        throw std::runtime_error(std::string("bind: ") + strerror(errno)); // @L1?
    listen(fd_, 16); // @E1?
}

EchoServer::~EchoServer()
{
    close(fd_);
    unlink(path_.c_str());
}

bool EchoServer::admit(int fd)
{
    std::lock_guard<std::mutex> guard(mutex_);
    if (clients_.size() >= maxClients)
        return false;
    clients_.insert(fd);
    return true;
}

void EchoServer::leave(int fd)
{
    std::lock_guard<std::mutex> guard(mutex_);
    clients_.erase(fd);
    close(fd);
}

void EchoServer::handleClient(int fd)
{
    char buffer[1024];
    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof(buffer), 0); // @W4?
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        if (send(fd, buffer, n, MSG_NOSIGNAL) < 0) // @E3 @W4?
            break;
        total_ += n;
    }
    leave(fd);
}

void EchoServer::run()
{
    std::cout << "echo server on " << path_ << std::endl;
    while (true) {
        int client = accept(fd_, nullptr, nullptr); // @E7 @L1?
        if (client < 0) {
            std::cerr << "accept: " << strerror(errno) << std::endl;
            continue; // @E7?
        }
        if (!admit(client)) {
            std::cerr << "too many clients" << std::endl;
            continue; // @L1
        }
        try {
            std::thread(&EchoServer::handleClient, this, client).detach();
        } catch (const std::system_error &e) {
            std::cerr << "thread: " << e.what() << std::endl;
            leave(client);
        }
    }
}

int main(int argc, char *argv[])
{
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " PATH" << std::endl;
        return 64;
    }
    try {
        EchoServer server(argv[1]);
        server.run();
    } catch (const std::exception &e) {
        std::cerr << e.what() << std::endl;
        return 1;
    }
    return 0;
}
