// SPDX-License-Identifier: Apache-2.0
// defects: see receiver.cpp
#ifndef RECEIVER_H
#define RECEIVER_H

#include <QFile>
#include <QTcpServer>
#include <QTcpSocket>
#include <QWidget>

QT_BEGIN_NAMESPACE
class QLabel;
class QProgressBar;
class QPushButton;
QT_END_NAMESPACE

class Receiver : public QWidget
{
    Q_OBJECT

public:
    explicit Receiver(QWidget *parent = nullptr);
    ~Receiver();

private slots:
    void startListening();
    void acceptConnection();
    void updateProgress();
    void displayError(QAbstractSocket::SocketError error);

private:
    bool readHeader();
    void finish(const QString &text);

    QTcpServer server;
    QTcpSocket *sender;
    QFile *localFile;

    qint64 totalBytes;
    qint64 bytesReceived;
    qint64 nameSize;
    QString fileName;

    QLabel *statusLabel;
    QProgressBar *progress;
    QPushButton *startButton;
};

#endif
