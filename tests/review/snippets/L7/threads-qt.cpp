// A thread of Qt for each connection: nobody deletes it, or somebody does.
#include <QList>
#include <QLocalServer>
#include <QLocalSocket>
#include <QObject>
#include <QTcpServer>
#include <QTcpSocket>
#include <QThread>

class Worker : public QObject {
    Q_OBJECT
public:
    explicit Worker(qintptr handle) : m_handle(handle) {}
public slots:
    void work();
signals:
    void done();

private:
    qintptr m_handle;
};

class NeverDeleted : public QTcpServer {
protected:
    void incomingConnection(qintptr handle) override
    {
        QThread *thread = new QThread; // L7
        Worker *worker = new Worker(handle);

        worker->moveToThread(thread);
        connect(thread, &QThread::started, worker, &Worker::work);
        connect(worker, &Worker::done, thread, &QThread::quit);
        connect(thread, &QThread::finished, worker, &QObject::deleteLater);
        thread->start();
    }
};

class ServersChild : public QTcpServer {
protected:
    void incomingConnection(qintptr handle) override
    {
        QThread *thread = new QThread(this); // L7
        Worker *worker = new Worker(handle);

        worker->moveToThread(thread);
        connect(thread, SIGNAL(started()), worker, SLOT(work()));
        connect(worker, SIGNAL(done()), thread, SLOT(quit()));
        connect(worker, SIGNAL(done()), worker, SLOT(deleteLater()));
        thread->start();
    }
};

class Serving : public QThread {
public:
    explicit Serving(qintptr handle, QObject *parent = nullptr) : QThread(parent), m_handle(handle) {}

protected:
    void run() override
    {
        QTcpSocket socket;

        if (!socket.setSocketDescriptor(m_handle))
            return;
        socket.write("served\n");
        socket.disconnectFromHost();
        socket.waitForDisconnected(5000);
    }

private:
    qintptr m_handle;
};

class Fortunes : public QTcpServer {
protected:
    void incomingConnection(qintptr handle) override
    {
        Serving *serving = new Serving(handle, this); // L7

        serving->start();
    }
};

class DeletesItsText : public QThread {
public:
    explicit DeletesItsText(qintptr handle) : m_handle(handle), m_text(new QByteArray("served\n")) {}
    ~DeletesItsText() override { delete m_text; }

protected:
    void run() override
    {
        QTcpSocket socket;

        if (socket.setSocketDescriptor(m_handle))
            (void)socket.write(*m_text);
    }

private:
    qintptr m_handle;
    QByteArray *m_text;
};

class TheirTexts : public QTcpServer {
protected:
    void incomingConnection(qintptr handle) override
    {
        DeletesItsText *thread = new DeletesItsText(handle); // L7

        thread->start();
    }
};

// From here on all is right.

class Deleted : public QTcpServer {
protected:
    void incomingConnection(qintptr handle) override
    {
        QThread *thread = new QThread;
        Worker *worker = new Worker(handle);

        worker->moveToThread(thread);
        connect(thread, &QThread::started, worker, &Worker::work);
        connect(worker, &Worker::done, thread, &QThread::quit);
        connect(thread, &QThread::finished, worker, &QObject::deleteLater);
        connect(thread, &QThread::finished, thread, &QObject::deleteLater);
        thread->start();
    }
};

class DeletedOldWay : public QTcpServer {
protected:
    void incomingConnection(qintptr handle) override
    {
        Serving *serving = new Serving(handle, this);

        connect(serving, SIGNAL(finished()), serving, SLOT(deleteLater()));
        serving->start();
    }
};

class DeletedByLambda : public QTcpServer {
protected:
    void incomingConnection(qintptr handle) override
    {
        QThread *thread = new QThread;
        Worker *worker = new Worker(handle);

        worker->moveToThread(thread);
        connect(thread, &QThread::started, worker, &Worker::work);
        connect(worker, &Worker::done, this, [thread, worker] {
            worker->deleteLater();
            thread->quit();
            thread->wait();
            delete thread;
        });
        thread->start();
    }
};

class Kept : public QTcpServer {
public:
    ~Kept() override
    {
        for (QThread *thread : m_threads) {
            thread->quit();
            thread->wait();
        }
    }

protected:
    void incomingConnection(qintptr handle) override
    {
        QThread *thread = new QThread(this);
        Worker *worker = new Worker(handle);

        worker->moveToThread(thread);
        connect(thread, &QThread::finished, worker, &QObject::deleteLater);
        m_threads.append(thread);
        thread->start();
    }

private:
    QList<QThread *> m_threads;
};

class EndsOnItsOwn : public QThread {
public:
    explicit EndsOnItsOwn(qintptr handle) : m_handle(handle)
    {
        connect(this, &QThread::finished, this, &QObject::deleteLater);
    }

protected:
    void run() override
    {
        QTcpSocket socket;

        if (socket.setSocketDescriptor(m_handle))
            (void)socket.write("served\n");
    }

private:
    qintptr m_handle;
};

class OnTheirOwn : public QTcpServer {
protected:
    void incomingConnection(qintptr handle) override
    {
        EndsOnItsOwn *thread = new EndsOnItsOwn(handle);

        thread->start();
    }
};

class OneForAll : public QTcpServer {
public:
    OneForAll() : m_one(new QThread(this)) { m_one->start(); }
    ~OneForAll() override
    {
        m_one->quit();
        m_one->wait();
    }

protected:
    void incomingConnection(qintptr handle) override
    {
        Worker *worker = new Worker(handle);

        worker->moveToThread(m_one);
        connect(worker, &Worker::done, worker, &QObject::deleteLater);
    }

private:
    QThread *m_one;
};
