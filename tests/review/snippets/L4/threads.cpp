// Threads of Qt that are destroyed while they run their event loop.
#include <QCoreApplication>
#include <QEventLoop>
#include <QObject>
#include <QThread>

class Member : public QObject {
public:
    explicit Member(QObject *worker)
    {
        worker->moveToThread(&m_of_member);
        connect(&m_of_member, &QThread::finished, worker, &QObject::deleteLater);
        m_of_member.start(); // L4
    }

private:
    QThread m_of_member;
};

class QuitsOnly : public QObject {
public:
    QuitsOnly() { m_of_quits.start(); } // L4
    ~QuitsOnly() override { m_of_quits.quit(); }

private:
    QThread m_of_quits;
};

class Looping : public QThread {
protected:
    void run() override { exec(); }
};

class HasLooping {
public:
    void begin() { m_looping.start(); } // L4

private:
    Looping m_looping;
};

void bad_stack(QObject *worker)
{
    QThread thread;

    worker->moveToThread(&thread);
    thread.start(); // L4
}

void bad_quit(QObject *worker)
{
    QThread thread;

    worker->moveToThread(&thread);
    thread.start(); // L4
    thread.quit();
}

void good_stack(QObject *worker)
{
    QThread thread;

    worker->moveToThread(&thread);
    thread.start();
    thread.quit();
    thread.wait();
}

void good_finished(QObject *worker)
{
    QThread thread;
    QEventLoop loop;

    worker->moveToThread(&thread);
    QObject::connect(&thread, &QThread::finished, &loop, &QEventLoop::quit);
    thread.start();
    loop.exec();
}

class Waits : public QObject {
public:
    Waits() { m_of_waits.start(); }
    ~Waits() override
    {
        m_of_waits.quit();
        m_of_waits.wait();
    }

private:
    QThread m_of_waits;
};

class WaitsItself : public QThread {
public:
    ~WaitsItself() override
    {
        quit();
        wait();
    }

protected:
    void run() override { exec(); }
};

class HasWaitsItself {
public:
    void begin() { m_itself.start(); }

private:
    WaitsItself m_itself;
};

class Ends : public QThread {
protected:
    void run() override { m_sum = 1 + 1; }

private:
    int m_sum = 0;
};

void good_ends()
{
    static Ends ends;

    ends.start();
}

class HasEnds {
public:
    void begin() { m_ends.start(); }

private:
    Ends m_ends;
};

class Unseen {
public:
    ~Unseen();
    void begin() { m_unseen.start(); }

private:
    QThread m_unseen;
};

void stop(QThread *thread);

class Helped {
public:
    ~Helped() { stop(&m_helped); }
    void begin() { m_helped.start(); }

private:
    QThread m_helped;
};

class EndsWithIt : public QObject {
public:
    void begin()
    {
        connect(&m_with, &QThread::finished, this, &QObject::deleteLater);
        m_with.start();
    }

private:
    QThread m_with;
};
