package com.example.auth;

import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServletResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.Random;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.X509TrustManager;

public final class Tokens {
    private static final SecureRandom SECURE = new SecureRandom();
    private static final String PASSWORD_PARAM = "password";

    private Tokens() {}

    public static byte[] hashPassword(String password) throws GeneralSecurityException {
        MessageDigest digest = MessageDigest.getInstance("MD5");
        return digest.digest(password.getBytes(StandardCharsets.UTF_8));
    }

    public static byte[] fingerprint(byte[] body) throws GeneralSecurityException {
        return MessageDigest.getInstance("SHA-256").digest(body);
    }

    public static String resetToken() {
        Random random = new Random();
        return Long.toHexString(random.nextLong());
    }

    public static String apiKey() {
        byte[] bytes = new byte[32];
        SECURE.nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    public static byte[] encryptExport(SecretKey key, byte[] text) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/ECB/PKCS5Padding");
        cipher.init(Cipher.ENCRYPT_MODE, key);
        return cipher.doFinal(text);
    }

    public static byte[] encrypt(SecretKey key, byte[] iv, byte[] text) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(Cipher.ENCRYPT_MODE, key, new GCMParameterSpec(128, iv));
        return cipher.doFinal(text);
    }

    public static boolean sameTag(byte[] expected, byte[] given) {
        return MessageDigest.isEqual(expected, given);
    }

    public static void prepare(HttpsURLConnection connection) {
        connection.setHostnameVerifier((host, session) -> true);
    }

    static final class PartnerTrust implements X509TrustManager {
        @Override public void checkClientTrusted(X509Certificate[] chain, String type) {}
        @Override public void checkServerTrusted(X509Certificate[] chain, String type) {}
        @Override public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
    }

    public static void remember(HttpServletResponse response, String id) {
        Cookie cookie = new Cookie("SESSION", id);
        cookie.setHttpOnly(true);
        cookie.setSecure(false);
        response.addCookie(cookie);
    }
}
