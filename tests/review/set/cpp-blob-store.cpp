// SPDX-License-Identifier: Apache-2.0
// defects:
// N5 the size of a blob comes from the peer and is allocated as it comes
// E3 recv() may bring less than the blob
// N3 the name of a blob comes from the peer and is opened below the folder, "../" and all
// L1 an exception in the middle of a request leaves the connection open
// E4 an interrupted accept() ends the server, though SIGHUP is handled
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

static volatile sig_atomic_t g_reload;

static void onHup(int) { g_reload = 1; }

class ProtocolError : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

class BlobStore
{
public:
    explicit BlobStore(std::string root) : m_root(std::move(root)) {}

    void put(const std::string& name, const std::vector<char>& data)
    {
        std::ofstream out(m_root + "/" + name, std::ios::binary | std::ios::trunc); // @N3
        if (!out)
            throw std::runtime_error("cannot create " + name);
        out.write(data.data(), static_cast<std::streamsize>(data.size()));
        if (!out.flush())
            throw std::runtime_error("cannot write " + name);
    }

    std::vector<char> get(const std::string& name) const
    {
        // handed out under a number, never under a peer's name
        const unsigned long id = std::stoul(name, nullptr, 16);
        std::ifstream in(m_root + "/by-id/" + std::to_string(id), std::ios::binary);
        if (!in)
            throw std::runtime_error("no blob " + std::to_string(id));
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }

private:
    std::string m_root;
};

struct Header
{
    char verb;
    uint8_t nameLength;
    uint16_t reserved;
    uint32_t size;
} __attribute__((packed));

static void readFull(int fd, void* to, size_t size)
{
    auto* p = static_cast<char*>(to);
    while (size > 0)
    {
        const ssize_t n = recv(fd, p, size, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            throw std::system_error(errno, std::generic_category(), "recv");
        if (n == 0)
            throw ProtocolError("connection closed in a message");
        p += n;
        size -= static_cast<size_t>(n);
    }
}

static void writeFull(int fd, const void* from, size_t size)
{
    auto* p = static_cast<const char*>(from);
    while (size > 0)
    {
        const ssize_t n = send(fd, p, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            throw std::system_error(errno, std::generic_category(), "send");
        p += n;
        size -= static_cast<size_t>(n);
    }
}

static void serveOne(int fd, BlobStore& store)
{
    Header head;
    readFull(fd, &head, sizeof(head));
    std::string name(head.nameLength, '\0');
    readFull(fd, &name[0], name.size());

    if (head.verb == 'P')
    {
        std::vector<char> data(ntohl(head.size)); // @N5
        const ssize_t got = recv(fd, data.data(), data.size(), MSG_WAITALL); // @E3
        if (got < 0)
            throw std::system_error(errno, std::generic_category(), "recv");
        store.put(name, data);
        writeFull(fd, "OK\n", 3);
    }
    else if (head.verb == 'G')
    {
        const std::vector<char> data = store.get(name);
        const uint32_t size = htonl(static_cast<uint32_t>(data.size()));
        writeFull(fd, &size, sizeof(size));
        writeFull(fd, data.data(), data.size());
    }
    else
    {
        throw ProtocolError("unknown verb");
    }
}

static int listenAt(const std::string& path)
{
    sockaddr_un sa{};
    sa.sun_family = AF_UNIX;
    if (path.size() >= sizeof(sa.sun_path))
        throw std::invalid_argument(path);
    path.copy(sa.sun_path, path.size());

    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        throw std::system_error(errno, std::generic_category(), "socket");
    if (bind(fd, reinterpret_cast<sockaddr*>(&sa), sizeof(sa)) < 0 || listen(fd, 16) < 0) // @L5?
    {
        const int why = errno;
        close(fd);
        throw std::system_error(why, std::generic_category(), path);
    }
    return fd;
}

int main(int argc, char** argv)
{
    if (argc != 3)
    {
        std::cerr << "usage: blobstore PATH FOLDER\n";
        return 64;
    }

    struct sigaction sa = {};
    sa.sa_handler = onHup;
    if (sigaction(SIGHUP, &sa, nullptr) < 0)
        return 71;

    int listener = -1;
    try
    {
        listener = listenAt(argv[1]);
    }
    catch (const std::exception& e)
    {
        std::cerr << e.what() << '\n';
        return 1;
    }

    auto store = std::make_unique<BlobStore>(argv[2]);
    for (;;)
    {
        if (g_reload)
        {
            g_reload = 0;
            store = std::make_unique<BlobStore>(argv[2]);
        }
        const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); // @L1 @E4
        if (client < 0)
        {
            if (errno == EMFILE || errno == ENFILE)
            {
                sleep(1);
                continue;
            }
            std::cerr << "accept: " << std::strerror(errno) << '\n';
            break; // @E4?
        }
        try
        {
            const timeval tv{15, 0};
            if (setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0
                || setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
                throw std::system_error(errno, std::generic_category(), "setsockopt");
            serveOne(client, *store); // @L1?
            close(client);
        }
        catch (const std::exception& e)
        {
            std::cerr << "client: " << e.what() << '\n'; // @L1?
        }
    }
    close(listener);
    unlink(argv[1]);
    return 1;
}
