// As thread-of-each.c, with the threads of the language.
#include <functional>
#include <mutex>
#include <set>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

static bool echo(int fd)
{
    char c;

    return recv(fd, &c, 1, 0) == 1 && send(fd, &c, 1, MSG_NOSIGNAL) == 1;
}

static void wrongTalk(int fd) // L3
{
    while (echo(fd))
        continue;
}

static void rightTalk(int fd)
{
    while (echo(fd))
        continue;
    close(fd);
}

class Server {
public:
    void accepts(int door);
    void acceptsAll(int door);
    void acceptsAndKnows(int door);
    void acceptsWith(int door);
    void acceptsWithClose(int door);
    void acceptsRight(int door);
private:
    void wrongServe(int fd);
    void rightServe(int fd);
    void forget(int fd);
    std::mutex m_lock;
    std::set<int> m_known;
};

void Server::wrongServe(int fd) // L3
{
    while (echo(fd))
        continue;
}

/* The one that starts it has the number, too, and closes it some time. */
void Server::rightServe(int fd)
{
    while (echo(fd))
        continue;
}

void Server::forget(int fd)
{
    std::lock_guard<std::mutex> lock(m_lock);

    if (m_known.erase(fd))
        close(fd);
}

void Server::accepts(int door)
{
    int fd;

    while ((fd = accept(door, nullptr, nullptr)) >= 0) // E7
        std::thread(&Server::wrongServe, this, fd).detach();
}

void Server::acceptsAll(int door)
{
    for (;;) {
        int fd = accept(door, nullptr, nullptr); // E7

        if (fd < 0)
            continue;
        std::thread t(wrongTalk, fd);
        t.detach();
    }
}

void Server::acceptsAndKnows(int door)
{
    int fd;

    while ((fd = accept(door, nullptr, nullptr)) >= 0) {
        {
            std::lock_guard<std::mutex> lock(m_lock);
            m_known.insert(fd);
        }
        std::thread(&Server::rightServe, this, fd).detach();
    }
    while (!m_known.empty())
        forget(*m_known.begin());
}

void Server::acceptsWith(int door)
{
    int fd;

    while ((fd = accept(door, nullptr, nullptr)) >= 0) // E7
        std::thread([fd] { // L3
            while (echo(fd))
                continue;
        }).detach();
}

void Server::acceptsWithClose(int door)
{
    int fd;

    while ((fd = accept(door, nullptr, nullptr)) >= 0) // E7
        std::thread([fd] {
            while (echo(fd))
                continue;
            close(fd);
        }).detach();
}

void Server::acceptsRight(int door)
{
    int fd;

    while ((fd = accept(door, nullptr, nullptr)) >= 0) // E7
        std::thread(rightTalk, fd).detach();
}
