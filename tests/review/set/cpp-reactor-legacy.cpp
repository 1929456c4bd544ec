// SPDX-License-Identifier: Apache-2.0
// defects:
// E1 fcntl() may fail and leave the socket blocking
// E4 EAGAIN of a non-blocking recv() ends the connection
// N5 a length of the peer is used to copy into a fixed buffer
// L4 the descriptor is used after dropClient() closed it
// L1 a connection whose registration fails is forgotten, open
#include <fcntl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#define MAX_EVENTS 128
#define RECORD_MAX 256

struct Client
{
    int fd;
    std::string in;
    char record[RECORD_MAX];
    unsigned long records;
};

class Collector
{
public:
    Collector() : epfd(-1), lfd(-1) {}
    ~Collector();

    bool start(uint16_t port);
    int loop();

private:
    void newClient();
    void clientReadable(Client &c);
    bool takeRecords(Client &c);
    void dropClient(int fd);

    int epfd;
    int lfd;
    std::map<int, Client> clients;
};

Collector::~Collector()
{
    for (auto &kv : clients)
        close(kv.first);
    if (lfd >= 0)
        close(lfd);
    if (epfd >= 0)
        close(epfd);
}

bool Collector::start(uint16_t port)
{
    lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (lfd < 0) {
        perror("socket");
        return false;
    }
    int on = 1;
    if (setsockopt(lfd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        perror("SO_REUSEADDR");

    sockaddr_in sin;
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(lfd, (sockaddr *)&sin, sizeof(sin)) < 0 || listen(lfd, 64) < 0) {
        perror("bind/listen");
        return false;
    }

    epfd = epoll_create1(EPOLL_CLOEXEC);
    if (epfd < 0) {
        perror("epoll_create1");
        return false;
    }
    epoll_event ev;
    ev.events = EPOLLIN;
    ev.data.fd = lfd;
    if (epoll_ctl(epfd, EPOLL_CTL_ADD, lfd, &ev) < 0) {
        perror("epoll_ctl");
        return false;
    }
    return true;
}

void Collector::newClient()
{
    int fd = accept(lfd, NULL, NULL); // @L1?
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            usleep(100000);
        else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            perror("accept");
        return;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK); // @E1?

    epoll_event ev;
    ev.events = EPOLLIN | EPOLLRDHUP;
    ev.data.fd = fd;
    if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        perror("epoll_ctl");
        return; // @L1
    }
    Client &c = clients[fd];
    c.fd = fd;
    c.records = 0;
}

bool Collector::takeRecords(Client &c)
{
    while (c.in.size() >= 2) {
        uint16_t len;
        memcpy(&len, c.in.data(), sizeof(len));
        len = ntohs(len);
        if (c.in.size() < 2u + len)
            break;
        memcpy(c.record, c.in.data() + 2, len); // @N5
        c.in.erase(0, 2u + len);
        if (len > 0 && c.record[0] == '#')
            continue;
        c.records++;
        fwrite(c.record, 1, len < RECORD_MAX ? len : RECORD_MAX, stdout);
        fputc('\n', stdout);
    }
    return c.in.size() < 128 * 1024;
}

void Collector::clientReadable(Client &c)
{
    char buf[4096];
    for (;;) {
        ssize_t n = recv(c.fd, buf, sizeof(buf), 0); // @E4
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) { // @E4?
            dropClient(c.fd);
            return;
        }
        c.in.append(buf, n);
        if (!takeRecords(c)) {
            int fd = c.fd;
            dropClient(fd);
            shutdown(fd, SHUT_RDWR); // @L4
            return;
        }
    }
}

void Collector::dropClient(int fd)
{
    auto it = clients.find(fd);
    if (it == clients.end())
        return;
    fprintf(stderr, "%d: %lu records\n", fd, it->second.records);
    clients.erase(it);
    close(fd);
}

int Collector::loop()
{
    epoll_event events[MAX_EVENTS];
    while (true) {
        int n = epoll_wait(epfd, events, MAX_EVENTS, -1);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            perror("epoll_wait");
            return 1;
        }
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == lfd) {
                newClient();
            } else {
                auto it = clients.find(events[i].data.fd);
                if (it != clients.end())
                    clientReadable(it->second);
            }
        }
    }
}

int main(int argc, char **argv)
{
    Collector collector;
    if (!collector.start(argc > 1 ? (uint16_t)atoi(argv[1]) : 5140))
        return 1;
    return collector.loop();
}
