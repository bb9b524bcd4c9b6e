#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <random>
#include <string>

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/rand.h>
#include <sqlite3.h>

namespace gateway {

int removeUser(sqlite3* db, const std::string& name) {
    std::string sql = "DELETE FROM users WHERE name = '" + name + "'";
    return sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);
}

int findUser(sqlite3* db, int id, sqlite3_stmt** out) {
    int rc = sqlite3_prepare_v2(db, "SELECT name FROM users WHERE id = ?", -1, out, nullptr);
    return rc == SQLITE_OK ? sqlite3_bind_int(*out, 1, id) : rc;
}

int archive(const std::string& dir) {
    return std::system(("tar czf /backup/a.tgz " + dir).c_str());
}

void configure(CURL* handle) {
    curl_easy_setopt(handle, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
}

void configureUpload(CURL* handle) {
    curl_easy_setopt(handle, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
}

void hashPassword(const std::string& password, unsigned char* out) {
    MD5(reinterpret_cast<const unsigned char*>(password.data()), password.size(), out);
}

int fingerprint(const std::string& body, unsigned char* out, unsigned int* len) {
    return EVP_Digest(body.data(), body.size(), out, len, EVP_sha256(), nullptr);
}

std::string sessionToken() {
    return std::to_string(std::rand()) + std::to_string(std::rand());
}

bool sessionKey(unsigned char* key, int len) {
    return RAND_bytes(key, len) == 1;
}

int rollDice() {
    static thread_local std::mt19937 engine{std::random_device{}()};
    return std::uniform_int_distribution<int>(1, 6)(engine);
}

bool saveState(const std::string& path, const std::string& text) {
    try {
        std::ofstream out(path);
        out.exceptions(std::ios::failbit | std::ios::badbit);
        out << text;
    } catch (...) {
    }
    return true;
}

}  // namespace gateway
