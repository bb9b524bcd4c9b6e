package com.example.reader.app

import android.app.Activity
import android.app.PendingIntent
import android.content.Context
import android.content.Intent
import android.database.Cursor
import android.database.sqlite.SQLiteDatabase
import android.net.http.SslError
import android.os.Bundle
import android.util.Log
import android.webkit.SslErrorHandler
import android.webkit.WebView
import android.webkit.WebViewClient

private const val TAG = "Article"
private const val COLUMNS = "id, title"

class ReaderClient : WebViewClient() {
    override fun onReceivedSslError(view: WebView, handler: SslErrorHandler, error: SslError) {
        handler.proceed()
    }
}

class HelpClient : WebViewClient() {
    override fun onReceivedSslError(view: WebView, handler: SslErrorHandler, error: SslError) {
        handler.cancel()
    }
}

class ArticleActivity : Activity() {
    private lateinit var db: SQLiteDatabase

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        val view = WebView(this)
        view.settings.javaScriptEnabled = false
        view.settings.allowUniversalAccessFromFileURLs = true
        view.webViewClient = HelpClient()
        view.loadUrl("file:///android_asset/help.html")
        setContentView(view)
    }

    fun search(term: String): Cursor =
        db.rawQuery("SELECT id FROM article WHERE title LIKE '%$term%'", null)

    fun byId(id: Long): Cursor =
        db.rawQuery("SELECT $COLUMNS FROM article WHERE id = ?", arrayOf(id.toString()))

    fun remove(slug: String) {
        db.execSQL("DELETE FROM article WHERE slug = '" + slug + "'")
    }

    fun saveToken(token: String) {
        getSharedPreferences("session", Context.MODE_WORLD_READABLE).edit().putString("t", token).apply()
    }

    fun saveTheme(theme: String) {
        getSharedPreferences("ui", Context.MODE_PRIVATE).edit().putString("theme", theme).apply()
    }

    fun reminder(): PendingIntent {
        val intent = Intent(this, ArticleActivity::class.java)
        return PendingIntent.getActivity(this, 0, intent, PendingIntent.FLAG_IMMUTABLE)
    }

    fun logOpened(id: Long) {
        Log.i(TAG, "SELECT a password later, article=$id")
    }
}
