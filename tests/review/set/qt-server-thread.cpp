// SPDX-License-Identifier: Apache-2.0
// correct: run() makes a QLocalServer with new and leaves early in three places, but a scoped
// pointer owns it; its endless loop ends with the interruption request
#include <QCoreApplication>
#include <QDebug>
#include <QLocalServer>
#include <QLocalSocket>
#include <QMutex>
#include <QMutexLocker>
#include <QScopedPointer>
#include <QThread>
#include <QWaitCondition>
#include <csignal>

class MetricsThread : public QThread
{
    Q_OBJECT

public:
    explicit MetricsThread(const QString &name, QObject *parent = nullptr)
        : QThread(parent), m_name(name) {}

    ~MetricsThread() override
    {
        requestInterruption();
        wait();
    }

    bool waitUntilReady(unsigned long ms)
    {
        QMutexLocker lock(&m_mutex);
        if (m_state == Starting)
            m_changed.wait(&m_mutex, ms);
        return m_state == Serving;
    }

    void setGauge(const QString &name, double value)
    {
        QMutexLocker lock(&m_mutex);
        m_gauges.insert(name, value);
    }

signals:
    void failed(const QString &why);

protected:
    void run() override
    {
        QScopedPointer<QLocalServer> server(new QLocalServer);
        server->setMaxPendingConnections(8);
        if (!server->listen(m_name)) {
            if (!isStale(m_name) || !QLocalServer::removeServer(m_name)) {
                setState(Failed);
                emit failed(server->errorString());
                return;
            }
            if (!server->listen(m_name)) {
                setState(Failed);
                emit failed(server->errorString());
                return;
            }
        }
        setState(Serving);

        while (!isInterruptionRequested()) {
            bool timedOut = false;
            if (!server->waitForNewConnection(500, &timedOut)) {
                if (timedOut)
                    continue;
                emit failed(server->errorString());
                return;
            }
            while (server->hasPendingConnections()) {
                QScopedPointer<QLocalSocket> peer(server->nextPendingConnection());
                if (peer)
                    serve(*peer);
            }
        }
    }

private:
    enum State { Starting, Serving, Failed };

    static bool isStale(const QString &name)
    {
        QLocalSocket probe;
        probe.connectToServer(name);
        if (probe.waitForConnected(300))
            return false;
        return probe.error() == QLocalSocket::ConnectionRefusedError;
    }

    void setState(State state)
    {
        QMutexLocker lock(&m_mutex);
        m_state = state;
        m_changed.wakeAll();
    }

    QByteArray page()
    {
        QByteArray text;
        QMutexLocker lock(&m_mutex);
        for (auto it = m_gauges.cbegin(); it != m_gauges.cend(); ++it)
            text += it.key().toUtf8() + ' ' + QByteArray::number(it.value()) + '\n';
        return text;
    }

    void serve(QLocalSocket &peer)
    {
        // one scrape a connection; a silent peer costs two seconds at most
        peer.setReadBufferSize(128);
        int rounds = 0;
        while (!peer.canReadLine()) {
            if (++rounds > 8 || isInterruptionRequested())
                return;
            if (peer.bytesAvailable() >= 128)
                return;
            if (!peer.waitForReadyRead(250) && peer.state() != QLocalSocket::ConnectedState)
                return;
        }
        const QByteArray request = peer.readLine(128).trimmed();
        if (request != "metrics") {
            peer.write("unknown\n");
        } else if (peer.write(page()) < 0) {
            return;
        }
        rounds = 0;
        while (peer.bytesToWrite() > 0 && ++rounds <= 8) {
            if (!peer.waitForBytesWritten(250) && peer.state() != QLocalSocket::ConnectedState)
                return;
        }
        peer.disconnectFromServer();
    }

    QString m_name;
    QMutex m_mutex;
    QWaitCondition m_changed;
    QMap<QString, double> m_gauges;
    State m_state = Starting;
};

int main(int argc, char *argv[])
{
    QCoreApplication app(argc, argv);

    MetricsThread metrics(QStringLiteral("gauges"));
    QObject::connect(&metrics, &MetricsThread::failed, &app, [](const QString &why) {
        qCritical().noquote() << "metrics:" << why;
        QCoreApplication::exit(1);
    });
    metrics.start();
    if (!metrics.waitUntilReady(3000)) {
        qCritical("metrics thread did not come up");
        return 1;
    }
    metrics.setGauge(QStringLiteral("start"), 1);

    const int rc = app.exec();
    metrics.requestInterruption();
    if (!metrics.wait(5000))
        qWarning("metrics thread is slow to end");
    return rc;
}

#include "qt-server-thread.moc"
