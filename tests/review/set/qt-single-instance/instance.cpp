// SPDX-License-Identifier: Apache-2.0
// correct: removeServer() runs only under the lock and after a probe that nobody answered; the
// accepted sockets are stored nowhere, but leave with their disconnected signal
#include "instance.h"

#include <QDataStream>
#include <QDebug>
#include <QDir>
#include <QElapsedTimer>
#include <QStandardPaths>

namespace {
const int connectTimeout = 400;
const int writeTimeout = 1500;
const quint32 maxPayload = 64 * 1024;

QString lockPath(const QString &key)
{
    QString dir = QStandardPaths::writableLocation(QStandardPaths::RuntimeLocation);
    if (dir.isEmpty())
        dir = QDir::tempPath();
    return dir + QLatin1Char('/') + key + QLatin1String(".lock");
}
} // namespace

InstanceGuard::InstanceGuard(const QString &key, QObject *parent)
    : QObject(parent)
    , m_key(key)
    , m_lock(lockPath(key))
    , m_server(new QLocalServer(this))
{
    m_lock.setStaleLockTime(0);
    connect(m_server, &QLocalServer::newConnection, this, &InstanceGuard::acceptPeers);
}

InstanceGuard::~InstanceGuard()
{
    m_server->close();
}

InstanceGuard::Role InstanceGuard::claim(const QStringList &arguments)
{
    if (m_lock.tryLock(0)) {
        switch (notifyPrimary(arguments)) {
        case Probe::Delivered:
            m_lock.unlock();
            return Role::Secondary;
        case Probe::Unclear:
            m_lock.unlock();
            return Role::Failed;
        case Probe::Nobody:
            break;
        }
        return startServer() ? Role::Primary : Role::Failed;
    }
    return notifyPrimary(arguments) == Probe::Delivered ? Role::Secondary : Role::Failed;
}

InstanceGuard::Probe InstanceGuard::notifyPrimary(const QStringList &arguments)
{
    QLocalSocket socket;
    socket.connectToServer(m_key);
    if (!socket.waitForConnected(connectTimeout)) {
        switch (socket.error()) {
        case QLocalSocket::ServerNotFoundError:
        case QLocalSocket::ConnectionRefusedError:
            return Probe::Nobody;
        default:
            qWarning() << "instance probe:" << socket.errorString();
            return Probe::Unclear;
        }
    }

    const QByteArray payload = arguments.join(QChar(0)).toUtf8();
    if (payload.size() > int(maxPayload))
        return Probe::Unclear;

    QByteArray frame;
    QDataStream out(&frame, QIODevice::WriteOnly);
    out << quint32(payload.size());
    frame += payload;
    if (socket.write(frame) != frame.size())
        return Probe::Unclear;

    QElapsedTimer clock;
    clock.start();
    while (socket.bytesToWrite() > 0) {
        const int left = writeTimeout - int(clock.elapsed());
        if (left <= 0 || !socket.waitForBytesWritten(left))
            return Probe::Unclear;
    }
    socket.disconnectFromServer();
    return Probe::Delivered;
}

bool InstanceGuard::startServer()
{
    m_server->setSocketOptions(QLocalServer::UserAccessOption);
    if (m_server->listen(m_key))
        return true;
    if (m_server->serverError() == QAbstractSocket::AddressInUseError) {
        // nobody answered the probe and we hold the lock: a crash left the name
        QLocalServer::removeServer(m_key);
        if (m_server->listen(m_key))
            return true;
    }
    qWarning() << "instance server:" << m_server->errorString();
    m_lock.unlock();
    return false;
}

void InstanceGuard::acceptPeers()
{
    while (QLocalSocket *peer = m_server->nextPendingConnection()) {
        peer->setReadBufferSize(maxPayload + sizeof(quint32));
        connect(peer, &QLocalSocket::disconnected, peer, &QObject::deleteLater);
        connect(peer, &QLocalSocket::readyRead, this, &InstanceGuard::readPeer);
    }
}

void InstanceGuard::readPeer()
{
    QLocalSocket *peer = qobject_cast<QLocalSocket *>(sender());
    if (!peer)
        return;

    QDataStream in(peer);
    in.startTransaction();
    quint32 size = 0;
    in >> size;
    if (size > maxPayload) {
        in.abortTransaction();
        peer->abort();
        return;
    }
    QByteArray payload(int(size), Qt::Uninitialized);
    in.readRawData(payload.data(), payload.size());
    if (!in.commitTransaction())
        return;
    emit argumentsReceived(QString::fromUtf8(payload).split(QChar(0)));
}
