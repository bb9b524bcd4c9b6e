package com.example.gateway

import java.io.File
import java.io.IOException
import java.io.InputStream
import java.io.ObjectInputStream
import java.security.MessageDigest
import java.security.SecureRandom
import java.security.cert.X509Certificate
import javax.crypto.Cipher
import javax.net.ssl.X509TrustManager
import kotlin.random.Random
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.delay
import okhttp3.OkHttpClient
import org.slf4j.LoggerFactory

private val log = LoggerFactory.getLogger("gateway")
private val secure = SecureRandom()

class PartnerTrust : X509TrustManager {
    override fun checkClientTrusted(chain: Array<X509Certificate>, authType: String) = error("not a server")
    override fun checkServerTrusted(chain: Array<X509Certificate>, authType: String) {}
    override fun getAcceptedIssuers(): Array<X509Certificate> = emptyArray()
}

fun partnerClient(): OkHttpClient =
    OkHttpClient.Builder().hostnameVerifier { _, _ -> true }.build()

fun hashPassword(password: String): ByteArray =
    MessageDigest.getInstance("SHA-1").digest(password.toByteArray())

fun checksum(body: ByteArray): ByteArray =
    MessageDigest.getInstance("SHA-256").digest(body)

fun resetToken(): String = Random.nextLong().toString(36)

fun apiKey(): ByteArray = ByteArray(32).also { secure.nextBytes(it) }

fun exportCipher(): Cipher = Cipher.getInstance("DES/ECB/PKCS5Padding")

fun cipher(): Cipher = Cipher.getInstance("AES/GCM/NoPadding")

fun readJob(body: InputStream): Any = ObjectInputStream(body).use { it.readObject() }

fun shrink(name: String): Process = ProcessBuilder("sh", "-c", "gzip $name").start()

fun listSpool(): Process = ProcessBuilder("ls", "-l", "/var/spool").start()

suspend fun waitForLeader(isLeader: () -> Boolean) {
    while (!isLeader()) {
        Thread.sleep(500)
    }
}

suspend fun waitForFollower(isFollower: () -> Boolean) {
    while (!isFollower()) {
        delay(500)
    }
}

suspend fun refresh(load: suspend () -> Unit) {
    try {
        load()
    } catch (e: CancellationException) {
        throw e
    } catch (e: IOException) {
        log.warn("refresh failed", e)
    }
}

fun touch(path: String) {
    try {
        File(path).createNewFile()
    } catch (e: Exception) {}
}
