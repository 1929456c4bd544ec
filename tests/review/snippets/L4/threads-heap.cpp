// Threads of Qt behind a pointer that are destroyed while they run their event loop.
#include <QEventLoop>
#include <QObject>
#include <QThread>
#include <memory>

class Child : public QObject {
public:
    void begin()
    {
        m_child = new QThread(this);
        m_child->start(); // L4
    }

private:
    QThread *m_child = nullptr;
};

class OnlyQuits : public QObject {
public:
    explicit OnlyQuits(QObject *worker)
    {
        m_only_quits = new QThread(this);
        worker->moveToThread(m_only_quits);
        connect(m_only_quits, &QThread::finished, worker, &QObject::deleteLater);
        m_only_quits->start(); // L4
    }
    ~OnlyQuits() override { m_only_quits->quit(); }

private:
    QThread *m_only_quits;
};

class Deletes : public QObject {
public:
    Deletes() : m_deleted(new QThread) { m_deleted->start(); }
    ~Deletes() override
    {
        m_deleted->quit();
        delete m_deleted; // L4
    }

private:
    QThread *m_deleted;
};

class Local : public QObject {
public:
    void begin(QObject *worker)
    {
        QThread *local = new QThread(this);

        worker->moveToThread(local);
        local->start(); // L4
    }
};

void bad_delete(QObject *worker)
{
    QThread *deleted = new QThread;

    worker->moveToThread(deleted);
    deleted->start();
    deleted->quit();
    delete deleted; // L4
}

// From here on all is right.

class ChildWaits : public QObject {
public:
    void begin()
    {
        m_waited = new QThread(this);
        m_waited->start();
    }
    ~ChildWaits() override
    {
        m_waited->quit();
        m_waited->wait();
    }

private:
    QThread *m_waited = nullptr;
};

class DeletesWaited : public QObject {
public:
    DeletesWaited() : m_waited_for(new QThread) { m_waited_for->start(); }
    ~DeletesWaited() override
    {
        m_waited_for->quit();
        m_waited_for->wait();
        delete m_waited_for;
    }

private:
    QThread *m_waited_for;
};

class EndsItself : public QObject {
public:
    void begin(QObject *worker)
    {
        QThread *thread = new QThread(this);

        worker->moveToThread(thread);
        connect(thread, &QThread::finished, worker, &QObject::deleteLater);
        connect(thread, &QThread::finished, thread, &QObject::deleteLater);
        thread->start();
    }
};

class EndsItselfOldWay : public QObject {
public:
    void begin(QObject *worker)
    {
        QThread *thread = new QThread(this);

        worker->moveToThread(thread);
        connect(thread, SIGNAL(finished()), thread, SLOT(deleteLater()));
        thread->start();
    }
};

class Told : public QObject {
    Q_OBJECT
public:
    void begin()
    {
        m_told = new QThread(this);
        connect(m_told, &QThread::finished, this, &Told::over);
        m_told->start();
    }
private slots:
    void over();

private:
    QThread *m_told = nullptr;
};

class Later : public QObject {
public:
    Later() : m_later(new QThread) { m_later->start(); }
    ~Later() override
    {
        m_later->quit();
        m_later->deleteLater();
    }

private:
    QThread *m_later;
};

class Single : public QObject {
public:
    static Single *instance()
    {
        static Single *single = new Single;

        return single;
    }

private:
    Single()
    {
        m_of_single = new QThread(this);
        m_of_single->start();
    }
    QThread *m_of_single;
};

class Working : public QThread {
protected:
    void run() override { m_sum = 1 + 1; }

private:
    int m_sum = 0;
};

class HasWorking : public QObject {
public:
    void begin()
    {
        m_working = new Working;
        m_working->start();
    }
    ~HasWorking() override { delete m_working; }

private:
    Working *m_working = nullptr;
};

class Asks : public QObject {
public:
    Asks() : m_asked(new QThread) { m_asked->start(); }
    ~Asks() override
    {
        m_asked->quit();
        while (m_asked->isRunning())
            QThread::msleep(1);
        delete m_asked;
    }

private:
    QThread *m_asked;
};

void stop(QThread *thread);

class Handed : public QObject {
public:
    Handed() : m_handed(new QThread(this)) { m_handed->start(); }
    ~Handed() override { stop(m_handed); }

private:
    QThread *m_handed;
};

void good_loop(QObject *worker)
{
    QThread *thread = new QThread;
    QEventLoop loop;

    worker->moveToThread(thread);
    QObject::connect(thread, &QThread::finished, &loop, &QEventLoop::quit);
    thread->start();
    loop.exec();
    delete thread;
}
