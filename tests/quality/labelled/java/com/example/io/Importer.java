package com.example.io;

import jakarta.servlet.http.HttpServletRequest;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputFilter;
import java.io.ObjectInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.w3c.dom.Document;
import org.xml.sax.SAXException;

public class Importer {
    private static final Logger log = LoggerFactory.getLogger(Importer.class);
    private static final Path BASE = Path.of("/srv/import");

    public Object readJob(InputStream body) throws IOException, ClassNotFoundException {
        ObjectInputStream in = new ObjectInputStream(body);
        return in.readObject();
    }

    public Document readFeed(InputStream body) throws ParserConfigurationException, SAXException, IOException {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        return factory.newDocumentBuilder().parse(body);
    }

    public Document readOrder(InputStream body) throws ParserConfigurationException, SAXException, IOException {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        factory.setExpandEntityReferences(false);
        return factory.newDocumentBuilder().parse(body);
    }

    public InputStream open(HttpServletRequest request) throws IOException {
        File file = new File("/srv/import/" + request.getParameter("name"));
        return new FileInputStream(file);
    }

    public String manifest() throws IOException {
        return Files.readString(BASE.resolve("manifest.json"));
    }

    public void tidy(Path path) {
        try {
            Files.delete(path);
        } catch (Exception e) {
        }
    }

    public void close(InputStream in) {
        try {
            in.close();
        } catch (IOException ignored) {
            // Nothing was written, so a failed close loses no data.
        }
    }

    public int parse(String text) {
        try {
            return Integer.parseInt(text.trim());
        } finally {
            return -1;
        }
    }

    public int count(Path dir) throws IOException {
        try (var entries = Files.list(dir)) {
            return (int) entries.count();
        } finally {
            log.debug("readObject and exec are not used here: {}", dir);
        }
    }
}
