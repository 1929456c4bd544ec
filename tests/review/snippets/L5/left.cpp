#include <cstring>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>

class Name
{
public:
    void take(int fd, const std::string &path);
};

void Name::take(int fd, const std::string &path)
{
    sockaddr_un addr{};

    addr.sun_family = AF_UNIX;
    if (path.size() >= sizeof(addr.sun_path))
        throw std::runtime_error("too long");
    std::memcpy(addr.sun_path, path.c_str(), path.size() + 1);
    if (::bind(fd, reinterpret_cast<sockaddr *>(&addr), sizeof(addr)) < 0) // L5
        throw std::runtime_error("bind");
}
