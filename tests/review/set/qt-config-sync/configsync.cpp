// SPDX-License-Identifier: Apache-2.0
// defects:
// L2 m_server has no parent, and the destructor does not delete it
// L4 a client is written to after it was deleted
// L4 the client's socket is deleted twice: by dropSocket() and by the destructor
// W2 the client spins until it is connected, with nothing in the loop that blocks
// L5 the name is removed before listening, whoever serves it
#include "configsync.h"

#include <QDataStream>
#include <QDebug>
#include <QElapsedTimer>

namespace cfg {

static const int maxLine = 8192;

SyncServer::SyncServer(const QString &name)
    : m_name(name)
    , m_server(new QLocalServer) // @L2
{
    connect(m_server, &QLocalServer::newConnection, this, &SyncServer::onNewConnection);
}

SyncServer::~SyncServer()
{
    for (QLocalSocket *client : qAsConst(m_clients)) {
        client->disconnect(this);
        client->abort();
        client->deleteLater();
    }
    m_server->close(); // @L2?
}

bool SyncServer::open()
{
    QLocalServer::removeServer(m_name); // @L5
    m_server->setSocketOptions(QLocalServer::UserAccessOption);
    if (!m_server->listen(m_name)) {
        qWarning() << "cannot listen on" << m_name << m_server->errorString();
        return false;
    }
    return true;
}

void SyncServer::onNewConnection()
{
    while (QLocalSocket *client = m_server->nextPendingConnection()) {
        connect(client, &QLocalSocket::disconnected, this, &SyncServer::onDisconnected);
        m_clients.append(client);
        for (auto it = m_values.cbegin(); it != m_values.cend(); ++it)
            client->write(it.key().toUtf8() + '=' + it.value().toUtf8() + '\n');
    }
}

void SyncServer::onDisconnected()
{
    if (auto *client = qobject_cast<QLocalSocket *>(sender())) {
        m_clients.removeAll(client);
        client->deleteLater();
    }
}

void SyncServer::publish(const QString &key, const QString &value)
{
    m_values.insert(key, value);
    const QByteArray line = key.toUtf8() + '=' + value.toUtf8() + '\n';

    const QList<QLocalSocket *> clients = m_clients;
    for (QLocalSocket *client : clients) {
        if (client->bytesToWrite() > 16 * maxLine) {
            qWarning() << "client does not read";
            client->disconnect(this);
            m_clients.removeAll(client);
            delete client; // @L4?
        }
        client->write(line); // @L4
    }
}

SyncClient::SyncClient(const QString &name)
    : m_name(name)
    , m_socket(new QLocalSocket)
{
    connect(m_socket, &QLocalSocket::readyRead, this, &SyncClient::onReadyRead);
    connect(m_socket, &QLocalSocket::disconnected, this, &SyncClient::onLost);
}

SyncClient::~SyncClient()
{
    dropSocket(); // @L4?
    delete m_socket; // @L4
}

void SyncClient::dropSocket()
{
    m_socket->disconnect(this);
    m_socket->abort();
    delete m_socket;
}

bool SyncClient::ensureConnected()
{
    if (m_socket->state() == QLocalSocket::ConnectedState)
        return true;

    QElapsedTimer timer;
    timer.start();
    while (m_socket->state() != QLocalSocket::ConnectedState) { // @W2
        if (timer.elapsed() > 3000) {
            qWarning() << "no connection to" << m_name << m_socket->errorString();
            return false;
        }
        if (m_socket->state() == QLocalSocket::UnconnectedState)
            m_socket->connectToServer(m_name); // @E5?
    }
    return true;
}

void SyncClient::onReadyRead()
{
    while (m_socket->canReadLine()) {
        const QByteArray line = m_socket->readLine(maxLine).trimmed();
        const int eq = line.indexOf('=');
        if (eq <= 0)
            continue;
        const QString key = QString::fromUtf8(line.left(eq));
        const QString value = QString::fromUtf8(line.mid(eq + 1));
        m_values.insert(key, value);
        emit changed(key, value);
    }
    if (m_socket->bytesAvailable() > maxLine)
        m_socket->abort();
}

void SyncClient::onLost()
{
    qInfo() << "configuration server is gone";
    m_values.clear();
}

} // namespace cfg
