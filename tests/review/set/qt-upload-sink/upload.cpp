// SPDX-License-Identifier: Apache-2.0
// correct: the file name and the size come from the peer, and the socket is made by hand from a
// descriptor; the name is checked against a list of characters, the size against a limit, the
// socket is a child of the Upload, which deletes itself
#include "upload.h"

#include <QCoreApplication>
#include <QDataStream>
#include <QDebug>
#include <QHostAddress>

#include <unistd.h>

Upload::Upload(QTcpSocket *socket, const QDir &inbox)
    : m_socket(socket), m_inbox(inbox), m_left(0), m_phase(Header)
{
    m_socket->setParent(this);
    m_socket->setReadBufferSize(256 * 1024);
    connect(m_socket, SIGNAL(readyRead()), this, SLOT(onData()));
    connect(m_socket, SIGNAL(disconnected()), this, SLOT(onGone()));

    m_stall.setSingleShot(true);
    m_stall.setInterval(30000);
    connect(&m_stall, &QTimer::timeout, m_socket, &QTcpSocket::abort);
    m_stall.start();
}

Upload::~Upload()
{
    if (m_file && m_phase != Done)
        m_file->cancelWriting();
}

bool Upload::acceptableName(const QString &name)
{
    if (name.isEmpty() || name.size() > MaxName || name.startsWith(QLatin1Char('.')))
        return false;
    for (const QChar c : name) {
        const bool plain = (c >= QLatin1Char('a') && c <= QLatin1Char('z'))
            || (c >= QLatin1Char('A') && c <= QLatin1Char('Z'))
            || (c >= QLatin1Char('0') && c <= QLatin1Char('9'));
        if (!plain && c != QLatin1Char('.') && c != QLatin1Char('-') && c != QLatin1Char('_'))
            return false;
    }
    return true;
}

void Upload::onData()
{
    m_stall.start();
    if (m_phase == Header && !readHeader())
        return;
    if (m_phase == Body)
        readBody();
}

bool Upload::readHeader()
{
    QDataStream in(m_socket);
    in.setVersion(QDataStream::Qt_5_6);
    in.startTransaction();

    quint16 nameSize = 0;
    qint64 size = 0;
    in >> nameSize;
    if (nameSize > MaxName) {
        in.abortTransaction();
        refuse("name too long");
        return false;
    }
    QByteArray rawName(nameSize, '\0');
    in.readRawData(rawName.data(), rawName.size());
    in >> size;
    if (!in.commitTransaction())
        return false;

    const QString name = QString::fromLatin1(rawName);
    if (!acceptableName(name)) {
        refuse("name not accepted");
        return false;
    }
    if (size < 0 || size > MaxFile) {
        refuse("too large");
        return false;
    }
    m_file.reset(new QSaveFile(m_inbox.filePath(name)));
    if (!m_file->open(QIODevice::WriteOnly)) {
        qWarning().noquote() << m_file->fileName() << m_file->errorString();
        refuse("cannot store");
        return false;
    }
    m_left = size;
    m_phase = Body;
    return true;
}

bool Upload::readBody()
{
    char block[16384];
    while (m_left > 0) {
        const qint64 n = m_socket->read(block, qMin<qint64>(m_left, sizeof block));
        if (n < 0) {
            m_socket->abort();
            return false;
        }
        if (n == 0)
            return true;
        if (m_file->write(block, n) != n) {
            refuse("disk full");
            return false;
        }
        m_left -= n;
    }
    if (!m_file->commit()) {
        refuse("cannot store");
        return false;
    }
    m_phase = Done;
    m_stall.stop();
    m_socket->write("stored\n");
    m_socket->disconnectFromHost();
    return true;
}

void Upload::refuse(const char *why)
{
    m_phase = Done;
    if (m_file)
        m_file->cancelWriting();
    m_socket->write(QByteArray("refused: ") + why + '\n');
    m_socket->disconnectFromHost();
}

void Upload::onGone()
{
    if (m_phase == Body)
        qInfo() << "upload broke off with" << m_left << "bytes left";
    deleteLater();
}

UploadServer::UploadServer(const QDir &inbox, QObject *parent)
    : QTcpServer(parent), m_inbox(inbox)
{
    connect(this, &QTcpServer::acceptError, this, [this](QAbstractSocket::SocketError) {
        qWarning().noquote() << "accept:" << errorString();
        QTimer::singleShot(1000, this, &QTcpServer::resumeAccepting);
    });
}

void UploadServer::incomingConnection(qintptr handle)
{
    QScopedPointer<QTcpSocket> socket(new QTcpSocket);
    if (!socket->setSocketDescriptor(handle)) {
        qWarning().noquote() << "adopt:" << socket->errorString();
        ::close(int(handle));
        return;
    }
    new Upload(socket.take(), m_inbox);
}

int main(int argc, char *argv[])
{
    QCoreApplication app(argc, argv);
    const QDir inbox(app.arguments().value(1, QStringLiteral("inbox")));
    if (!inbox.exists()) {
        qCritical() << "no folder" << inbox.path();
        return 66;
    }
    UploadServer server(inbox);
    if (!server.listen(QHostAddress::LocalHost, 7410)) {
        qCritical().noquote() << server.errorString();
        return 1;
    }
    return app.exec();
}
