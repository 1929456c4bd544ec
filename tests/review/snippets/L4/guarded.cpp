// A number that an object closes, too.
#include <cstddef>
#include <memory>
#include <queue>
#include <sys/socket.h>
#include <unistd.h>

class Job {
public:
    explicit Job(int fd) : m_fd(fd) {}
    virtual ~Job() { close(m_fd); }
    void greet() { (void)send(m_fd, "hi", 2, MSG_NOSIGNAL); }
    int letGo() { int fd = m_fd; m_fd = -1; return fd; }
private:
    int m_fd;
};

class Echo : public Job {
public:
    explicit Echo(int fd) : Job(fd) {}
};

/* It only looks. */
class View {
public:
    explicit View(int fd) : m_fd(fd) {}
    ~View() {}
private:
    int m_fd;
};

class Shop {
public:
    virtual ~Shop() {}
    void wrongFull(int fd);
    void wrongMade(int fd);
    void wrongEach(int door);
    void rightFull(int fd);
    void rightLetsGo(int fd);
    void rightOther(int fd);
    void rightEnded(int fd);
    void rightView(int fd);
protected:
    virtual Job *make(int fd) = 0;
private:
    std::queue<Job *> m_jobs;
};

class EchoShop : public Shop {
protected:
    Job *make(int fd) override { return new Echo(fd); }
};

void Shop::wrongFull(int fd)
{
    std::unique_ptr<Job> job(new Echo(fd));

    if (m_jobs.size() < 10)
        m_jobs.push(job.release());
    else
        close(fd); // L4
}

void Shop::wrongMade(int fd)
{
    std::unique_ptr<Job> job(make(fd));

    if (m_jobs.size() < 10)
        m_jobs.push(job.release());
    else
        close(fd); // L4
}

void Shop::wrongEach(int door)
{
    for (;;) {
        int fd = accept(door, nullptr, nullptr); // E7

        if (fd < 0)
            return;
        std::unique_ptr<Job> job(make(fd));
        if (m_jobs.size() < 10) {
            m_jobs.push(job.get());
            job.release();
        } else {
            close(fd); // L4
        }
    }
}

void Shop::rightFull(int fd)
{
    if (m_jobs.size() >= 10) {
        close(fd);
        return;
    }
    std::unique_ptr<Job> job(make(fd));
    m_jobs.push(job.release());
}

void Shop::rightLetsGo(int fd)
{
    Echo job(fd);

    job.greet();
    job.letGo();
    close(fd);
}

void Shop::rightOther(int fd)
{
    std::unique_ptr<Job> job(make(fd));

    job->greet();
    fd = dup(1);
    close(fd);
}

void Shop::rightEnded(int fd)
{
    std::unique_ptr<Job> job(make(dup(fd)));

    job->greet();
    close(fd);
}

void Shop::rightView(int fd)
{
    View view(fd);

    close(fd);
}
