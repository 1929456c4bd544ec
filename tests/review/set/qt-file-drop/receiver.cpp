// SPDX-License-Identifier: Apache-2.0
// defects:
// E5 listen() is called without a look at its result
// L3 the accepted socket is neither closed nor deleted, and the next one overwrites it
// N5 the length of the name comes from the peer and sizes a buffer unchecked
// N3 the name comes from the peer and is opened as it is
// L7 the QFile of a broken transfer is never deleted
#include "receiver.h"

#include <QDataStream>
#include <QDir>
#include <QHostAddress>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QStandardPaths>
#include <QVBoxLayout>

Receiver::Receiver(QWidget *parent)
    : QWidget(parent)
    , sender(nullptr)
    , localFile(nullptr)
    , totalBytes(0)
    , bytesReceived(0)
    , nameSize(0)
{
    statusLabel = new QLabel(tr("Not listening"), this);
    progress = new QProgressBar(this);
    startButton = new QPushButton(tr("Receive"), this);

    QVBoxLayout *box = new QVBoxLayout(this);
    box->addWidget(statusLabel);
    box->addWidget(progress);
    box->addWidget(startButton);

    connect(startButton, &QPushButton::clicked, this, &Receiver::startListening);
    connect(&server, &QTcpServer::newConnection, this, &Receiver::acceptConnection);
}

Receiver::~Receiver()
{
    if (localFile) {
        localFile->close();
        delete localFile;
    }
}

void Receiver::startListening()
{
    startButton->setEnabled(false);
    totalBytes = bytesReceived = nameSize = 0;
    progress->reset();
    server.listen(QHostAddress::Any, 6666); // @E5
    statusLabel->setText(tr("Listening"));
}

void Receiver::acceptConnection()
{
    sender = server.nextPendingConnection(); // @L3
    if (!sender)
        return;
    connect(sender, &QTcpSocket::readyRead, this, &Receiver::updateProgress);
#if QT_VERSION < QT_VERSION_CHECK(5, 15, 0)
    connect(sender, SIGNAL(error(QAbstractSocket::SocketError)),
            this, SLOT(displayError(QAbstractSocket::SocketError)));
#else
    connect(sender, &QTcpSocket::errorOccurred, this, &Receiver::displayError);
#endif
    statusLabel->setText(tr("Sender connected"));
    server.close();
}

bool Receiver::readHeader()
{
    QDataStream in(sender);
    in.setVersion(QDataStream::Qt_5_0);

    if (nameSize == 0) {
        if (sender->bytesAvailable() < qint64(2 * sizeof(qint64)))
            return false;
        in >> totalBytes >> nameSize;
        bytesReceived = 2 * sizeof(qint64);
    }

    QByteArray raw;
    raw.resize(int(nameSize)); // @N5
    if (sender->bytesAvailable() < nameSize)
        return false;
    if (in.readRawData(raw.data(), raw.size()) != raw.size())
        return false;
    fileName = QString::fromUtf8(raw);
    bytesReceived += nameSize;

    const QDir target(QStandardPaths::writableLocation(QStandardPaths::DownloadLocation));
    localFile = new QFile(target.filePath(fileName)); // @N3 @L7
    if (!localFile->open(QFile::WriteOnly)) { // @N3?
        finish(tr("Cannot write %1: %2").arg(fileName, localFile->errorString()));
        localFile = nullptr; // @L7?
        return false;
    }
    return true;
}

void Receiver::updateProgress()
{
    if (!localFile && !readHeader())
        return;

    const QByteArray block = sender->readAll();
    if (localFile->write(block) != block.size()) {
        finish(tr("Write error: %1").arg(localFile->errorString()));
        return;
    }
    bytesReceived += block.size();
    progress->setMaximum(1000);
    progress->setValue(totalBytes > 0 ? int(bytesReceived * 1000 / totalBytes) : 0);

    if (bytesReceived >= totalBytes) {
        localFile->close();
        delete localFile;
        localFile = nullptr;
        finish(tr("Received %1").arg(fileName));
    }
}

void Receiver::displayError(QAbstractSocket::SocketError error)
{
    if (error == QAbstractSocket::RemoteHostClosedError && bytesReceived >= totalBytes)
        return;
    localFile = nullptr; // @L7?
    finish(sender->errorString());
}

void Receiver::finish(const QString &text)
{
    statusLabel->setText(text);
    startButton->setEnabled(true);
}
