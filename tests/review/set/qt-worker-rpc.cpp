// SPDX-License-Identifier: Apache-2.0
// correct: the thread and the worker are raw pointers without a parent, and the worker blocks in
// waits; both delete themselves when the thread finishes, and each wait is bounded and looked at
#include <QCoreApplication>
#include <QDebug>
#include <QElapsedTimer>
#include <QLocalSocket>
#include <QObject>
#include <QPointer>
#include <QThread>
#include <QtEndian>

struct Reply
{
    bool ok = false;
    QByteArray body;
    QString error;
};
Q_DECLARE_METATYPE(Reply)

class RpcWorker : public QObject
{
    Q_OBJECT
public:
    explicit RpcWorker(const QString &server) : m_server(server) {}

public slots:
    void call(quint32 id, const QByteArray &request)
    {
        QLocalSocket socket;
        socket.connectToServer(m_server);
        if (!socket.waitForConnected(2000)) {
            fail(id, socket.errorString());
            return;
        }
        if (!send(socket, request)) {
            fail(id, tr("request not sent: %1").arg(socket.errorString()));
            return;
        }

        quint32 size = 0;
        uchar head[4];
        if (!receive(socket, reinterpret_cast<char *>(head), sizeof head)) {
            fail(id, tr("no reply: %1").arg(socket.errorString()));
            return;
        }
        size = qFromBigEndian<quint32>(head);
        if (size > MaxReply) {
            fail(id, tr("reply of %1 bytes refused").arg(size));
            return;
        }

        Reply reply;
        reply.body.resize(int(size));
        if (!receive(socket, reply.body.data(), reply.body.size())) {
            fail(id, tr("reply cut short"));
            return;
        }
        reply.ok = true;
        emit finished(id, reply);
    }

signals:
    void finished(quint32 id, const Reply &reply);

private:
    static const quint32 MaxReply = 8u << 20;
    static const int Deadline = 5000;

    void fail(quint32 id, const QString &why)
    {
        Reply reply;
        reply.error = why;
        emit finished(id, reply);
    }

    bool send(QLocalSocket &socket, const QByteArray &request)
    {
        uchar head[4];
        qToBigEndian<quint32>(quint32(request.size()), head);
        if (socket.write(reinterpret_cast<const char *>(head), sizeof head) != sizeof head)
            return false;
        if (socket.write(request) != request.size())
            return false;

        QElapsedTimer timer;
        timer.start();
        while (socket.bytesToWrite() > 0) {
            if (timer.hasExpired(Deadline) || QThread::currentThread()->isInterruptionRequested())
                return false;
            if (!socket.waitForBytesWritten(250) && socket.state() != QLocalSocket::ConnectedState)
                return false;
        }
        return true;
    }

    bool receive(QLocalSocket &socket, char *to, qint64 size)
    {
        QElapsedTimer timer;
        timer.start();
        qint64 have = 0;
        while (have < size) {
            const qint64 n = socket.read(to + have, size - have);
            if (n < 0)
                return false;
            have += n;
            if (n > 0)
                continue;
            if (timer.hasExpired(Deadline) || QThread::currentThread()->isInterruptionRequested())
                return false;
            if (!socket.waitForReadyRead(250) && socket.state() != QLocalSocket::ConnectedState
                && socket.bytesAvailable() == 0)
                return false;
        }
        return true;
    }

    QString m_server;
};

class RpcClient : public QObject
{
    Q_OBJECT
public:
    explicit RpcClient(const QString &server, QObject *parent = nullptr) : QObject(parent)
    {
        qRegisterMetaType<Reply>("Reply");
        QThread *thread = new QThread;
        RpcWorker *worker = new RpcWorker(server);
        worker->moveToThread(thread);
        connect(thread, &QThread::finished, worker, &QObject::deleteLater);
        connect(thread, &QThread::finished, thread, &QObject::deleteLater);
        connect(this, &RpcClient::submitted, worker, &RpcWorker::call);
        connect(worker, &RpcWorker::finished, this, &RpcClient::onFinished);
        thread->start();
        m_thread = thread;
    }

    ~RpcClient() override
    {
        if (m_thread) {
            m_thread->requestInterruption();
            m_thread->quit();
            // every wait of the worker ends within its deadline
            if (!m_thread->wait(15000))
                qWarning("rpc thread still busy");
        }
    }

    quint32 submit(const QByteArray &request)
    {
        const quint32 id = ++m_last;
        emit submitted(id, request);
        return id;
    }

signals:
    void submitted(quint32 id, const QByteArray &request);
    void answered(quint32 id, const QByteArray &body);

private slots:
    void onFinished(quint32 id, const Reply &reply)
    {
        if (!reply.ok) {
            qWarning() << "call" << id << "failed:" << reply.error;
            emit answered(id, QByteArray());
            return;
        }
        emit answered(id, reply.body);
    }

private:
    QPointer<QThread> m_thread;
    quint32 m_last = 0;
};

int main(int argc, char *argv[])
{
    QCoreApplication app(argc, argv);
    const QStringList args = app.arguments();
    if (args.size() < 3) {
        qCritical("usage: rpc SERVER REQUEST");
        return 64;
    }
    RpcClient client(args.at(1));
    QObject::connect(&client, &RpcClient::answered, &app, [](quint32, const QByteArray &body) {
        qInfo() << body.size() << "bytes";
        QCoreApplication::quit();
    });
    client.submit(args.at(2).toUtf8());
    return app.exec();
}

#include "qt-worker-rpc.moc"
