// terminate() on a thread that has a server or a connection.
#include <QLocalServer>
#include <QTcpSocket>
#include <QThread>

class ServerThread : public QThread {
protected:
    void run() override
    {
        QLocalServer server;

        if (server.listen("door"))
            exec();
    }
};

class Sums : public QThread {
protected:
    void run() override { m_sum = 1 + 1; }

private:
    int m_sum = 0;
};

void bad(ServerThread *thread)
{
    thread->terminate(); // L2
    thread->wait();
}

class Owner {
public:
    ~Owner()
    {
        m_thread->terminate(); // L2
    }
    void bad_member()
    {
        m_thread->terminate(); // L2
        m_thread->start();
    }

private:
    ServerThread *m_thread;
};

void good(ServerThread *thread)
{
    thread->quit();
    thread->wait();
}

void good_last_resort(ServerThread *thread)
{
    thread->quit();
    if (!thread->wait(2000))
        thread->terminate();
}

void good_without(Sums *thread)
{
    thread->terminate();
}

void good_unknown(QThread *thread)
{
    thread->terminate();
}
