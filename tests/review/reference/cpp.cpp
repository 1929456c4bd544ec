// A clock that a thread serves over a local socket, and a client that asks it for the time.

#include <atomic>
#include <chrono>
#include <cstring>
#include <ctime>
#include <iostream>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

static const std::string serverPath = "/run/user/1000/clock";
static std::atomic<bool> stopping{false};

static sockaddr_un addressOf(const std::string &path)
{
    sockaddr_un address{};

    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        throw std::invalid_argument("path too long");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

static void tellTime(int peer)
{
    const std::string text = std::to_string(std::time(nullptr)) + "\n";

    ::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
}

static void serve(const std::string &path)
{
    const sockaddr_un address = addressOf(path);
    int server = ::socket(AF_UNIX, SOCK_STREAM, 0);

    if (server < 0)
        throw std::runtime_error("socket");
    if (::bind(server, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) < 0)
        throw std::runtime_error("bind");
    ::listen(server, 8);
    while (!stopping) {
        int peer = ::accept(server, nullptr, nullptr);
        if (peer < 0)
            break;
        tellTime(peer);
        ::close(peer);
    }
    ::unlink(path.c_str());
    ::close(server);
}

static std::string askTime(const std::string &path)
{
    const sockaddr_un address = addressOf(path);
    int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    char answer[64];

    if (fd < 0)
        throw std::runtime_error("socket");
    while (::connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) < 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ssize_t n = ::read(fd, answer, sizeof(answer));
    if (n < 0)
        throw std::runtime_error("read");
    ::close(fd);
    return std::string(answer, n);
}

int main()
{
    std::thread server([] { serve(serverPath); });

    std::cout << askTime(serverPath);
    stopping = true;
    server.join();
    return 0;
}
