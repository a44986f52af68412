package app;
public class App { String s = org.apache.commons.lang3.StringUtils.capitalize("x"); }
