// SPDX-License-Identifier: Apache-2.0
// correct: see upload.cpp
#ifndef UPLOAD_H
#define UPLOAD_H

#include <QDir>
#include <QObject>
#include <QSaveFile>
#include <QScopedPointer>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTimer>

class Upload : public QObject
{
    Q_OBJECT
public:
    static const qint64 MaxFile = Q_INT64_C(2) << 30;
    static const quint16 MaxName = 200;

    explicit Upload(QTcpSocket *socket, const QDir &inbox);
    ~Upload() override;

private slots:
    void onData();
    void onGone();

private:
    enum Phase { Header, Body, Done };

    bool readHeader();
    bool readBody();
    void refuse(const char *why);
    static bool acceptableName(const QString &name);

    QTcpSocket *m_socket;
    QDir m_inbox;
    QScopedPointer<QSaveFile> m_file;
    QTimer m_stall;
    qint64 m_left;
    Phase m_phase;
};

class UploadServer : public QTcpServer
{
    Q_OBJECT
public:
    UploadServer(const QDir &inbox, QObject *parent = nullptr);

protected:
    void incomingConnection(qintptr handle) override;

private:
    QDir m_inbox;
};

#endif
